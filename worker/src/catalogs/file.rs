//! The form of a catalogs file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::secret::Secret;
use super::{CatalogsError, entry, is_name};
use crate::maintenance::MaintenanceSettings;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct CatalogsFile {
    /// The catalog that sessions begin in.
    pub(super) default: Option<String>,
    /// Extensions beyond those that catalogs and stores need.
    pub(super) extensions: Vec<String>,
    /// Credentials by name.
    pub(super) store: BTreeMap<String, Store>,
    /// Catalogs by name.
    pub(super) catalog: BTreeMap<String, CatalogEntry>,
}

/// Credentials for the places that begin with `scope`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Store {
    pub(super) scope: String,
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Option<Secret>,
    pub(super) session_token: Option<Secret>,
    pub(super) connection_string: Option<Secret>,
    pub(super) account_name: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) url_style: Option<UrlStyle>,
    pub(super) use_ssl: Option<bool>,
}

/// How the name of a bucket stands in an address.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum UrlStyle {
    Path,
    Vhost,
}

/// Whose interface a store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreKind {
    S3,
    Gcs,
    Azure,
}

/// The values of a store's secrets.
pub(super) struct StoreSecrets {
    pub(super) secret_access_key: Option<String>,
    pub(super) session_token: Option<String>,
    pub(super) connection_string: Option<String>,
}

/// One catalog.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(super) enum CatalogEntry {
    /// Tables as Parquet on a store, their metadata in a database.
    Ducklake {
        metadata: String,
        password: Option<Secret>,
        data_path: String,
        #[serde(default)]
        read_only: bool,
        maintenance: Option<MaintenanceSettings>,
    },
    /// Views over files.
    Files { tables: BTreeMap<String, Location> },
    /// Delta tables by their locations.
    Delta { tables: BTreeMap<String, Location> },
    /// Iceberg tables by their locations.
    Iceberg { tables: BTreeMap<String, Location> },
    /// A PostgreSQL database.
    Postgres {
        connection: String,
        password: Option<Secret>,
        #[serde(default)]
        read_only: bool,
    },
}

/// Where a table is, and how it is to be read.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Location {
    Place(String),
    Options(LocationOptions),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct LocationOptions {
    pub(super) location: String,
    pub(super) format: Option<FileFormat>,
    /// Named parameters of DuckDB's function that reads the format.
    #[serde(default)]
    pub(super) options: BTreeMap<String, OptionValue>,
}

/// The value of a named parameter.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OptionValue {
    Switch(bool),
    Number(i64),
    Text(String),
}

/// The format of files.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileFormat {
    Parquet,
    Csv,
    Json,
}

impl Store {
    /// The parts of its scope that are at these places.
    pub(super) fn scopes_within(&self, places: &[String]) -> Vec<String> {
        if places.iter().any(|place| self.scope.starts_with(place.as_str())) {
            return vec![self.scope.clone()];
        }
        places.iter().filter(|place| place.starts_with(self.scope.as_str())).cloned().collect()
    }

    /// Whose interface it has, by the scheme of its scope.
    pub(super) fn kind(&self) -> Option<StoreKind> {
        match self.scope.split_once("://")?.0 {
            "s3" | "s3a" | "s3n" => Some(StoreKind::S3),
            "gs" | "gcs" => Some(StoreKind::Gcs),
            "az" | "azure" | "abfss" => Some(StoreKind::Azure),
            _ => None,
        }
    }

    pub(super) fn has_keys(&self) -> bool {
        self.access_key_id.is_some()
    }

    pub(super) fn check(&self, place: &str) -> Result<(), CatalogsError> {
        let Some(kind) = self.kind() else {
            return Err(entry(
                place,
                "the scope begins with s3://, gs://, az:// or abfss://, as in scope = \"s3://bucket/\"",
            ));
        };
        if self.access_key_id.is_some() != self.secret_access_key.is_some() {
            return Err(entry(place, "access-key-id and secret-access-key go together"));
        }
        match kind {
            StoreKind::Gcs if !self.has_keys() => {
                Err(entry(place, "a gs:// store needs an HMAC key: access-key-id and secret-access-key"))
            }
            StoreKind::Azure if self.has_keys() => Err(entry(
                place,
                "an Azure store takes connection-string, or account-name and the identity of the machine",
            )),
            StoreKind::Azure if self.connection_string.is_none() && self.account_name.is_none() => {
                Err(entry(place, "an Azure store needs connection-string or account-name"))
            }
            StoreKind::S3 | StoreKind::Gcs if self.connection_string.is_some() || self.account_name.is_some() => {
                Err(entry(place, "connection-string and account-name are for az:// and abfss://"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn extensions(&self) -> Vec<&'static str> {
        match self.kind() {
            Some(StoreKind::S3) if !self.has_keys() => vec!["httpfs", "aws"],
            Some(StoreKind::S3 | StoreKind::Gcs) => vec!["httpfs"],
            Some(StoreKind::Azure) => vec!["azure"],
            None => vec![],
        }
    }

    /// Reads its secrets.
    pub(super) fn secrets(&self, place: &str) -> Result<StoreSecrets, CatalogsError> {
        let read = |secret: &Option<Secret>| read(secret.as_ref(), place);
        Ok(StoreSecrets {
            secret_access_key: read(&self.secret_access_key)?,
            session_token: read(&self.session_token)?,
            connection_string: read(&self.connection_string)?,
        })
    }
}

impl StoreSecrets {
    pub(super) fn values(&self) -> Vec<&str> {
        [&self.secret_access_key, &self.session_token, &self.connection_string]
            .into_iter()
            .filter_map(|secret| secret.as_deref())
            .collect()
    }
}

impl CatalogEntry {
    pub(super) fn check(&self, place: &str) -> Result<(), CatalogsError> {
        match self {
            Self::Ducklake { metadata, password, data_path, read_only, maintenance } => {
                check_connection(place, metadata.trim_start_matches("postgres:"), password.is_some())?;
                if Metadata::of(metadata).is_none() {
                    return Err(entry(
                        place,
                        "metadata is \"postgres:CONNECTION\", \"sqlite:FILE\" or \"duckdb:FILE\"",
                    ));
                }
                if data_path.is_empty() {
                    return Err(entry(place, "data-path is the folder or the store for the tables' files"));
                }
                if *read_only && maintenance.is_some() {
                    return Err(entry(place, "maintenance writes, so it and read-only exclude each other"));
                }
                maintenance.as_ref().map_or(Ok(()), MaintenanceSettings::check).map_err(|reason| entry(place, &reason))
            }
            Self::Postgres { connection, password, .. } => check_connection(place, connection, password.is_some()),
            Self::Files { tables } | Self::Delta { tables } | Self::Iceberg { tables } => {
                if tables.is_empty() {
                    return Err(entry(
                        place,
                        "it has no tables; add some, as in tables.events = \"s3://bucket/events/*.parquet\"",
                    ));
                }
                tables.iter().try_for_each(|(name, table)| self.check_table(place, name, table))
            }
        }
    }

    fn check_table(&self, place: &str, name: &str, table: &Location) -> Result<(), CatalogsError> {
        let wrong = |reason: &str| Err(entry(&format!("{place}, table `{name}`"), reason));
        if let Some(option) = table.options().keys().find(|option| !is_name(option)) {
            return wrong(&format!("`{option}` is no name of an option"));
        }
        match self {
            Self::Files { .. } if table.format().is_none() => {
                wrong("the format is not told by the ending; add format = \"parquet\", \"csv\" or \"json\"")
            }
            Self::Delta { .. } | Self::Iceberg { .. } if table.has_format() => {
                wrong("format is for catalogs of the type files")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn extensions(&self) -> Vec<&'static str> {
        let mut names = match self {
            Self::Ducklake { metadata, .. } => match Metadata::of(metadata) {
                Some(Metadata::Postgres(_)) => vec!["ducklake", "postgres_scanner"],
                Some(Metadata::Sqlite(_)) => vec!["ducklake", "sqlite_scanner"],
                Some(Metadata::Duckdb(_)) | None => vec!["ducklake"],
            },
            Self::Files { .. } => vec![],
            Self::Delta { .. } => vec!["delta"],
            Self::Iceberg { .. } => vec!["iceberg"],
            Self::Postgres { .. } => vec!["postgres_scanner"],
        };
        for place in self.locations() {
            match place.split_once("://").map(|(scheme, _)| scheme) {
                Some("az" | "azure" | "abfss") => names.push("azure"),
                Some(_) => names.push("httpfs"),
                None => {}
            }
        }
        names
    }

    fn locations(&self) -> Vec<&str> {
        match self {
            Self::Ducklake { data_path, .. } => vec![data_path],
            Self::Files { tables } | Self::Delta { tables } | Self::Iceberg { tables } => {
                tables.values().map(Location::place).collect()
            }
            Self::Postgres { .. } => vec![],
        }
    }

    /// The folders, or beginnings of addresses, that its files lie in, each with a slash at its end; single files without.
    pub(super) fn places(&self) -> Vec<String> {
        self.locations().into_iter().map(|place| folder_of(place, matches!(self, Self::Files { .. }))).collect()
    }

    /// Whether a second instance of a process can attach it, too.
    pub(super) fn opens_twice(&self) -> bool {
        !matches!(self, Self::Ducklake { metadata, .. } if matches!(Metadata::of(metadata), Some(Metadata::Duckdb(_))))
    }

    /// Whether its tables are those that the file names, and no others.
    pub(super) fn gives_tables(&self) -> bool {
        match self {
            Self::Files { .. } | Self::Delta { .. } | Self::Iceberg { .. } => true,
            Self::Ducklake { .. } | Self::Postgres { .. } => false,
        }
    }

    /// Makes the folder that its tables are to be written to, where that is on this machine.
    pub(super) fn make_folder(&self) -> std::io::Result<()> {
        match self {
            Self::Ducklake { data_path, read_only: false, .. } if !data_path.contains("://") => {
                std::fs::create_dir_all(data_path)
            }
            _ => Ok(()),
        }
    }

    /// Reads its password.
    pub(super) fn password(&self, place: &str) -> Result<Option<String>, CatalogsError> {
        match self {
            Self::Ducklake { password, .. } | Self::Postgres { password, .. } => read(password.as_ref(), place),
            Self::Files { .. } | Self::Delta { .. } | Self::Iceberg { .. } => Ok(None),
        }
    }
}

/// Where the metadata of a DuckLake is.
pub(super) enum Metadata<'a> {
    Postgres(&'a str),
    Sqlite(&'a str),
    Duckdb(&'a str),
}

impl<'a> Metadata<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            _ if rest.is_empty() => None,
            "postgres" | "postgresql" => Some(Self::Postgres(if rest.starts_with("//") { text } else { rest })),
            "sqlite" => Some(Self::Sqlite(rest)),
            "duckdb" => Some(Self::Duckdb(rest)),
            _ => None,
        }
    }
}

impl Location {
    pub(super) fn place(&self) -> &str {
        match self {
            Self::Place(place) => place,
            Self::Options(options) => &options.location,
        }
    }

    fn has_format(&self) -> bool {
        matches!(self, Self::Options(LocationOptions { format: Some(_), .. }))
    }

    /// The format, as it is said or as the ending tells.
    pub(super) fn format(&self) -> Option<FileFormat> {
        if let Self::Options(LocationOptions { format: Some(format), .. }) = self {
            return Some(*format);
        }
        let name = self.place().trim_end_matches(".gz").trim_end_matches(".zst");
        match name.rsplit_once('.')?.1 {
            "parquet" | "parq" => Some(FileFormat::Parquet),
            "csv" | "tsv" => Some(FileFormat::Csv),
            "json" | "jsonl" | "ndjson" => Some(FileFormat::Json),
            _ => None,
        }
    }

    /// Named parameters of the function that reads it.
    pub(super) fn options(&self) -> &BTreeMap<String, OptionValue> {
        static NONE: BTreeMap<String, OptionValue> = BTreeMap::new();
        match self {
            Self::Place(_) => &NONE,
            Self::Options(options) => &options.options,
        }
    }
}

pub(super) fn read(secret: Option<&Secret>, place: &str) -> Result<Option<String>, CatalogsError> {
    let value = secret.map(Secret::read).transpose();
    value.map_err(|source| CatalogsError::Secret { place: place.to_owned(), source })
}

/// Users see the connection string, and DuckDB joins a password with one of the form `host=…` only.
fn check_connection(place: &str, connection: &str, has_password: bool) -> Result<(), CatalogsError> {
    if names_password(connection) {
        return Err(entry(place, "the password goes into the key `password`, which is not shown to users"));
    }
    if has_password && connection.contains("://") {
        return Err(entry(place, "with a password the connection is written as host=… port=… dbname=… user=…"));
    }
    Ok(())
}

/// Whether a connection string holds a password, in either of its forms.
fn names_password(connection: &str) -> bool {
    let in_url = connection.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    in_url || connection.to_ascii_lowercase().contains("password")
}

/// What a place and all below it begins with, ending in a slash: of files, the folder before the first placeholder. A single
/// file is itself.
fn folder_of(place: &str, is_of_files: bool) -> String {
    if !is_of_files {
        return format!("{}/", place.trim_end_matches('/'));
    }
    match place.find(['*', '?', '[', '{']) {
        Some(placeholder) => place[..place[..placeholder].rfind('/').map_or(0, |slash| slash + 1)].to_owned(),
        None => place.to_owned(),
    }
}
