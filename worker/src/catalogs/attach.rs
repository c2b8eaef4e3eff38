//! Catalogs and stores as DuckDB's statements.

use super::file::{
    CatalogEntry, FileFormat, Location, Metadata, OptionValue, Store, StoreKind, StoreSecrets, UrlStyle,
};
use crate::engine::{literal, quoted};

/// The statement that makes the secret of a store.
pub(super) fn store(name: &str, store: &Store, secrets: &StoreSecrets) -> String {
    let kind = match store.kind() {
        Some(StoreKind::Gcs) => "gcs",
        Some(StoreKind::Azure) => "azure",
        Some(StoreKind::S3) | None => "s3",
    };
    let mut options = vec![format!("TYPE {kind}"), format!("SCOPE {}", literal(&store.scope))];
    let mut say = |option: &str, value: Option<&str>| {
        options.extend(value.map(|value| format!("{option} {}", literal(value))));
    };
    say("KEY_ID", store.access_key_id.as_deref());
    say("SECRET", secrets.secret_access_key.as_deref());
    say("SESSION_TOKEN", secrets.session_token.as_deref());
    say("CONNECTION_STRING", secrets.connection_string.as_deref());
    say("ACCOUNT_NAME", store.account_name.as_deref());
    say("ENDPOINT", store.endpoint.as_deref());
    say("REGION", store.region.as_deref());
    let style = store.url_style.map(|style| if style == UrlStyle::Path { "path" } else { "vhost" });
    say("URL_STYLE", style);
    options.extend(store.use_ssl.map(|use_ssl| format!("USE_SSL {use_ssl}")));
    if !store.has_keys() && secrets.connection_string.is_none() {
        options.push("PROVIDER credential_chain".to_owned());
        if kind == "s3" {
            // Tokens of roles and identities end after some hours.
            options.push("REFRESH auto".to_owned());
        }
    }
    format!("CREATE SECRET {} ({})", quoted(&format!("tavana_store_{name}")), options.join(", "))
}

/// The statements that attach a catalog.
pub(super) fn catalog(name: &str, catalog: &CatalogEntry, password: Option<&str>) -> Vec<String> {
    match catalog {
        CatalogEntry::Ducklake { metadata, data_path, read_only, .. } => {
            let mut options = vec![format!("DATA_PATH {}", literal(data_path))];
            if *read_only {
                options.push("READ_ONLY".to_owned());
            }
            if !read_only && matches!(Metadata::of(metadata), Some(Metadata::Sqlite(_))) {
                // Otherwise two commits that meet lock each other, and the catalog with them, for good.
                options.push("META_JOURNAL_MODE 'WAL'".to_owned());
            }
            let location = match Metadata::of(metadata) {
                Some(Metadata::Postgres(connection)) => format!("ducklake:postgres:{connection}"),
                Some(Metadata::Sqlite(file)) => format!("ducklake:sqlite:{file}"),
                Some(Metadata::Duckdb(file)) => format!("ducklake:{file}"),
                None => String::new(),
            };
            with_password(name, &location, "META_SECRET", options, password)
        }
        CatalogEntry::Postgres { connection, read_only, .. } => {
            let mut options = vec!["TYPE postgres".to_owned()];
            if *read_only {
                options.push("READ_ONLY".to_owned());
            }
            with_password(name, connection, "SECRET", options, password)
        }
        CatalogEntry::Files { .. } | CatalogEntry::Delta { .. } | CatalogEntry::Iceberg { .. } => {
            vec![format!("ATTACH ':memory:' AS {}", quoted(name))]
        }
    }
}

/// The statements that attach the database in which a lake keeps its metadata as `name`, by itself.
pub(super) fn metadata(name: &str, metadata: &str, read_only: bool, password: Option<&str>) -> Vec<String> {
    let (kind, location) = match Metadata::of(metadata) {
        Some(Metadata::Postgres(connection)) => ("postgres", connection),
        Some(Metadata::Sqlite(file)) => ("sqlite", file),
        Some(Metadata::Duckdb(file)) => ("duckdb", file),
        None => ("duckdb", ""),
    };
    let mut options = vec![format!("TYPE {kind}")];
    if read_only {
        options.push("READ_ONLY".to_owned());
    }
    with_password(name, location, "SECRET", options, password)
}

/// `ATTACH`, after the secret with the password: a connection string is shown to users, a secret is not.
fn with_password(
    name: &str,
    location: &str,
    option: &str,
    mut options: Vec<String>,
    password: Option<&str>,
) -> Vec<String> {
    let mut statements = Vec::new();
    if let Some(password) = password {
        let secret = format!("tavana_catalog_{name}");
        statements.push(format!("CREATE SECRET {} (TYPE postgres, PASSWORD {})", quoted(&secret), literal(password)));
        options.push(format!("{option} {}", literal(&secret)));
    }
    statements.push(format!("ATTACH {} AS {} ({})", literal(location), quoted(name), options.join(", ")));
    statements
}

/// The views of a catalog whose tables are given by their locations: what each is called, and what it reads.
pub(super) fn views(catalog: &CatalogEntry) -> Vec<(&str, String)> {
    let (tables, scan): (_, fn(&Location) -> String) = match catalog {
        CatalogEntry::Files { tables } => (tables, files),
        CatalogEntry::Delta { tables } => (tables, |location| call("delta_scan", location)),
        CatalogEntry::Iceberg { tables } => (tables, |location| call("iceberg_scan", location)),
        CatalogEntry::Ducklake { .. } | CatalogEntry::Postgres { .. } => return Vec::new(),
    };
    tables.iter().map(|(table, location)| (table.as_str(), scan(location))).collect()
}

fn files(location: &Location) -> String {
    call(
        match location.format() {
            Some(FileFormat::Csv) => "read_csv",
            Some(FileFormat::Json) => "read_json",
            Some(FileFormat::Parquet) | None => "read_parquet",
        },
        location,
    )
}

fn call(function: &str, location: &Location) -> String {
    let options = location.options().iter().map(|(name, value)| match value {
        OptionValue::Switch(value) => format!(", {name} = {value}"),
        OptionValue::Number(value) => format!(", {name} = {value}"),
        OptionValue::Text(value) => format!(", {name} = {}", literal(value)),
    });
    format!("{function}({}{})", literal(location.place()), options.collect::<String>())
}
