//! `tavana backup` and `tavana restore`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tavana_worker::tools::{Subject, ToolConfig};

use crate::progress::{self, Progress};

#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct BackupSettings {
    #[command(flatten)]
    #[serde(flatten)]
    tool: ToolConfig,

    #[command(flatten)]
    #[serde(flatten)]
    subject: SubjectSettings,

    /// Where the backup goes: a folder, or the beginning of an address whose store the catalogs file has
    #[arg(long, value_name = "PLACE")]
    to: String,
}

#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RestoreSettings {
    #[command(flatten)]
    #[serde(flatten)]
    tool: ToolConfig,

    #[command(flatten)]
    #[serde(flatten)]
    subject: SubjectSettings,

    /// Where the backup is
    #[arg(long, value_name = "PLACE")]
    from: String,

    /// Restore over what is there; its tables are lost
    #[arg(long)]
    replace: bool,
}

#[derive(Args, Clone, Debug, Serialize)]
#[group(required = true, multiple = false)]
#[serde(rename_all = "kebab-case")]
struct SubjectSettings {
    /// A lake of the catalogs file
    #[arg(long, value_name = "NAME")]
    catalog: Option<String>,

    /// The embedded database in this data folder, which no server may use meanwhile
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl SubjectSettings {
    fn subject(&self) -> anyhow::Result<Subject> {
        match (&self.catalog, &self.data_dir) {
            (Some(name), None) => Ok(Subject::Catalog(name.clone())),
            (None, Some(folder)) => Ok(Subject::DataDir(folder.clone())),
            _ => anyhow::bail!("name either --catalog NAME or --data-dir DIR"),
        }
    }
}

pub(crate) fn backup(settings: &BackupSettings) -> anyhow::Result<()> {
    let progress = Progress::new();
    let show = |what: &str, done: f64| progress.show(what, done);
    let report = settings.tool.backup(&settings.subject.subject()?, &settings.to, &show)?;
    progress.end();
    tell(&format!(
        "Backed up{}: {} files, {}; {} of them, {}, copied now.",
        at(report.snapshot),
        report.files,
        progress::bytes(report.bytes),
        report.files_copied,
        progress::bytes(report.bytes_copied),
    ));
    Ok(())
}

pub(crate) fn restore(settings: &RestoreSettings) -> anyhow::Result<()> {
    let progress = Progress::new();
    let show = |what: &str, done: f64| progress.show(what, done);
    let report = settings.tool.restore(&settings.subject.subject()?, &settings.from, settings.replace, &show)?;
    progress.end();
    tell(&format!("Restored{}: {} files, {}.", at(report.snapshot), report.files, progress::bytes(report.bytes)));
    Ok(())
}

fn at(snapshot: Option<i64>) -> String {
    snapshot.map_or_else(String::new, |snapshot| format!(" at snapshot {snapshot}"))
}

#[allow(clippy::print_stdout)]
fn tell(text: &str) {
    println!("{text}");
}
