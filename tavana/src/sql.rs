//! `tavana sql`: one statement, or a small shell.

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Context as _, bail};
use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use clap::Args;
use futures::TryStreamExt as _;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use serde::Serialize;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

/// Rows that the shell shows of a result; the rest is counted.
const SHOWN_ROWS: usize = 1000;

#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The server: grpc://HOST:PORT or grpc+tls://HOST:PORT
    #[arg(long, value_name = "URL", default_value = "grpc://127.0.0.1:50051", env = "TAVANA_URL")]
    url: String,

    /// Log in as this user; the password is asked for, or taken from TAVANA_PASSWORD
    #[arg(long, value_name = "NAME", env = "TAVANA_USER")]
    user: Option<String>,

    /// Certificate authority of a grpc+tls server, in PEM
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<std::path::PathBuf>,

    /// Run this SQL and end
    #[arg(short, long, value_name = "SQL")]
    command: Option<String>,
}

type Client = FlightSqlServiceClient<Channel>;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut client = connect(settings).await?;
    match &settings.command {
        Some(sql) => show(&mut client, sql).await,
        None if std::io::stdin().is_terminal() => shell(&mut client, &settings.url).await,
        None => {
            let mut sql = String::new();
            std::io::stdin().read_to_string(&mut sql).context("the SQL could not be read from stdin")?;
            show(&mut client, &sql).await
        }
    }
}

async fn connect(settings: &Settings) -> anyhow::Result<Client> {
    let (address, tls) = match settings.url.split_once("://") {
        Some(("grpc" | "grpc+tcp" | "http", address)) => (format!("http://{address}"), false),
        Some(("grpc+tls" | "https", address)) => (format!("https://{address}"), true),
        _ => bail!("the URL {} must begin with grpc:// or grpc+tls://", settings.url),
    };
    let mut endpoint = Endpoint::from_shared(address).context("the URL is malformed")?;
    if tls {
        let mut config = ClientTlsConfig::new();
        if let Some(file) = &settings.tls_ca {
            let pem = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            config = config.ca_certificate(Certificate::from_pem(pem));
        }
        endpoint = endpoint.tls_config(config)?;
    }
    let channel = endpoint.connect().await.with_context(|| format!("no server answers at {}", settings.url))?;
    let mut client = FlightSqlServiceClient::new(channel);
    let (user, password) = match &settings.user {
        Some(user) => (user.as_str(), password(user)?),
        None => ("", String::new()),
    };
    client.handshake(user, &password).await.map_err(explain)?;
    Ok(client)
}

fn password(user: &str) -> anyhow::Result<String> {
    if let Ok(password) = std::env::var("TAVANA_PASSWORD") {
        return Ok(password);
    }
    rpassword::prompt_password(format!("Password for {user}: "))
        .context("the password could not be asked for; set TAVANA_PASSWORD")
}

async fn shell(client: &mut Client, url: &str) -> anyhow::Result<()> {
    say(&format!("Connected to {url}. End a statement with ; and the shell with Ctrl-D."));
    let mut editor = DefaultEditor::new()?;
    let mut sql = String::new();
    loop {
        match editor.readline(if sql.is_empty() { "tavana> " } else { "     -> " }) {
            Ok(line) => {
                sql.push_str(&line);
                sql.push('\n');
                if !line.trim_end().ends_with(';') {
                    continue;
                }
                let _ = editor.add_history_entry(sql.trim());
                if let Err(error) = show(client, &sql).await {
                    say(&format!("error: {error:#}"));
                }
                sql.clear();
            }
            Err(ReadlineError::Interrupted) => sql.clear(),
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Runs SQL and prints what it gives.
async fn show(client: &mut Client, sql: &str) -> anyhow::Result<()> {
    let info = client.execute(sql.to_owned(), None).await.map_err(explain)?;
    if info.endpoint.is_empty() {
        match info.total_records {
            changed if changed >= 0 => say(&format!("{changed} rows changed")),
            _ => say("done"),
        }
        return Ok(());
    }
    for endpoint in info.endpoint {
        let ticket = endpoint.ticket.context("the server gave an endpoint without a ticket")?;
        let mut stream = client.do_get(ticket).await.map_err(explain)?;
        let mut shown: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        while let Some(batch) = stream.try_next().await.map_err(explain)? {
            let room = SHOWN_ROWS.saturating_sub(rows).min(batch.num_rows());
            if room > 0 || shown.is_empty() {
                shown.push(batch.slice(0, room));
            }
            rows += batch.num_rows();
        }
        if !shown.is_empty() {
            say(&pretty_format_batches(&shown)?.to_string());
        }
        let more = if rows > SHOWN_ROWS { format!(", {SHOWN_ROWS} of them shown") } else { String::new() };
        say(&format!("{rows} row{}{more}", if rows == 1 { "" } else { "s" }));
    }
    Ok(())
}

/// What the server said, without the wrapping.
fn explain(error: FlightError) -> anyhow::Error {
    match error {
        FlightError::Tonic(status) => anyhow::anyhow!(status.message().to_owned()),
        other => anyhow::anyhow!(other),
    }
}

#[allow(clippy::print_stdout)]
fn say(text: &str) {
    println!("{text}");
}
