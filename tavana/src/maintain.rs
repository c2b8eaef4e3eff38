//! `tavana maintain`: keeps lakes small and quick, once.

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use tavana_worker::tools::{HowToMaintain, MaintenanceReport, ToolConfig};

use crate::progress::{self, Progress};

#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    tool: ToolConfig,

    /// Only this catalog; all lakes of the file when not given
    #[arg(long, value_name = "NAME")]
    catalog: Option<String>,

    /// Say which snapshots and files would go, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Maintain a catalog although another process claims to: it is known to be gone, as after a crash
    #[arg(long, conflicts_with = "dry_run")]
    take_over: bool,
}

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let progress = Progress::new();
    let how = match (settings.dry_run, settings.take_over) {
        (true, _) => HowToMaintain::DryRun,
        (false, true) => HowToMaintain::TakeOver,
        (false, false) => HowToMaintain::Alone,
    };
    let show = |what: &str, done: f64| progress.show(what, done);
    let reports = settings.tool.maintain(settings.catalog.as_deref(), how, &show)?;
    progress.end();
    for (catalog, report) in &reports {
        tell(catalog, report, settings.dry_run);
    }
    let failures: Vec<String> = reports
        .iter()
        .flat_map(|(catalog, report)| report.failures.iter().map(move |failure| format!("{catalog}: {failure}")))
        .collect();
    if !failures.is_empty() {
        bail!("some steps failed, the others are done:\n{}", failures.join("\n"));
    }
    Ok(())
}

#[allow(clippy::print_stdout)]
fn tell(catalog: &str, report: &MaintenanceReport, dry_run: bool) {
    println!("{catalog}{}", if dry_run { ", in a dry run" } else { "" });
    if !dry_run {
        println!("  rows flushed       {}", report.rows_flushed);
        println!("  files compacted    {} to {}", report.files_compacted, report.files_made);
    }
    println!("  snapshots expired  {}", report.snapshots_expired);
    println!("  files deleted      {}", report.files_deleted);
    println!("  orphans deleted    {}", report.orphans_deleted);
    println!("  freed              {}", progress::bytes(report.bytes_freed));
}
