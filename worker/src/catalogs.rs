//! The catalogs of a worker beside its own database, and the credentials of the stores they lie on.
//!
//! A catalogs file names them, so that every worker of a fleet sees the same tables: it is read ([`file`]) and checked before anything is
//! opened, and then becomes SQL ([`attach`]) that is run once, ahead of the locking of the instance. A secret is read from where the
//! file says ([`secret`]), goes into DuckDB's secret manager, in memory, and is taken out of every error on the way.

mod attach;
mod file;
mod lake;
mod secret;
mod view;

use std::path::{Path, PathBuf};

use tavana_wire::FailureKind;

use crate::engine::{Connection, EngineError};
use file::{CatalogEntry, CatalogsFile, Store};
use secret::SecretError;

pub(crate) use lake::{Lake, MetadataKind};
pub(crate) use view::View;

/// How often a table that could not be read is tried again.
pub(crate) const TRY_AGAIN_SECONDS: u64 = 30;

/// The database with tables about the server itself.
pub(crate) const SYSTEM_DATABASE: &str = "tavana";
/// Names of databases that no catalog may take: DuckDB's own and ours.
const TAKEN_NAMES: &[&str] =
    &["local", "memory", "system", "temp", "main", "pgc", "pgc_rows", "pg_catalog", SYSTEM_DATABASE];

/// What is wrong with a catalogs file, or with what it names.
#[derive(Debug, thiserror::Error)]
pub enum CatalogsError {
    /// The file cannot be read.
    #[error("cannot read the catalogs file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is no TOML, or has keys or values that are not known.
    #[error("the catalogs file {} is not valid: {}", path.display(), source.message())]
    Form {
        /// The file.
        path: PathBuf,
        /// The cause; only its message is shown, since the line that it quotes may hold a secret.
        source: toml::de::Error,
    },
    /// A catalog or store asks for what makes no sense.
    #[error("{place}: {reason}")]
    Entry {
        /// Which, such as ``catalog `lake` ``.
        place: String,
        /// What is wrong, and what helps.
        reason: String,
    },
    /// A secret is not where the file says.
    #[error("{place}: {source}")]
    Secret {
        /// Which catalog or store.
        place: String,
        /// The cause.
        source: SecretError,
    },
    /// The folder for the files of tables cannot be made.
    #[error("{place}: its folder cannot be made: {source}")]
    Folder {
        /// Which catalog.
        place: String,
        /// The cause.
        source: std::io::Error,
    },
    /// DuckDB cannot open what the file names.
    #[error("{place} cannot be opened: {message}")]
    Open {
        /// Which catalog or store.
        place: String,
        /// What DuckDB says, without secrets.
        message: String,
        /// The kind of DuckDB's error.
        kind: FailureKind,
    },
}

impl CatalogsError {
    /// What went wrong.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. } | Self::Folder { .. } => FailureKind::Io,
            Self::Form { .. } | Self::Entry { .. } | Self::Secret { .. } => FailureKind::InvalidRequest,
            Self::Open { kind, .. } => *kind,
        }
    }
}

/// What a catalogs file asks for, checked, with its secrets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogs {
    default: Option<String>,
    extensions: Vec<String>,
    stores: Vec<(String, Store)>,
    catalogs: Vec<(String, CatalogEntry)>,
}

impl Catalogs {
    /// Reads and checks a catalogs file.
    ///
    /// # Errors
    /// [`CatalogsError`], naming the catalog or store that is wrong.
    pub(crate) fn read(path: &Path) -> Result<Self, CatalogsError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| CatalogsError::Read { path: path.to_owned(), source })?;
        let file: CatalogsFile =
            toml::from_str(&text).map_err(|source| CatalogsError::Form { path: path.to_owned(), source })?;
        Self::checked(file)
    }

    fn checked(file: CatalogsFile) -> Result<Self, CatalogsError> {
        for name in file.catalog.keys() {
            let wrong = |reason: &str| entry(&catalog_place(name), reason);
            if !is_name(name) {
                return Err(wrong("a name is made of small letters, digits and _, and begins with a letter"));
            }
            if TAKEN_NAMES.contains(&name.as_str()) {
                return Err(wrong("this name belongs to the server; choose another"));
            }
        }
        if let Some(default) = file.default.as_ref().filter(|name| !file.catalog.contains_key(*name)) {
            return Err(entry("the key `default`", &format!("there is no catalog `{default}` in the file")));
        }
        for (name, store) in &file.store {
            store.check(&store_place(name))?;
        }
        for (name, catalog) in &file.catalog {
            catalog.check(&catalog_place(name))?;
        }
        if let Some(name) = file.extensions.iter().find(|name| !is_name(name)) {
            return Err(entry("the key `extensions`", &format!("`{name}` is no name of an extension")));
        }
        Ok(Self {
            default: file.default,
            extensions: file.extensions,
            stores: file.store.into_iter().collect(),
            catalogs: file.catalog.into_iter().collect(),
        })
    }

    /// The catalog that sessions begin in; the embedded database when there is none.
    pub(crate) fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Whether others than this worker change what its statements read.
    pub(crate) fn are_shared(&self) -> bool {
        !self.catalogs.is_empty()
    }

    /// Whether an extension looks for secrets in every place where they may be.
    pub(crate) fn look_for_secrets(&self) -> bool {
        self.extensions().iter().any(|name| name == "postgres_scanner")
    }

    /// The extensions that these catalogs and stores need, each after those that it needs itself.
    pub(crate) fn extensions(&self) -> Vec<String> {
        let mut needed: Vec<String> = Vec::new();
        let stores = self.stores.iter().flat_map(|(_, store)| store.extensions());
        let catalogs = self.catalogs.iter().flat_map(|(_, catalog)| catalog.extensions());
        let asked = self.extensions.iter().map(String::as_str);
        for name in stores.chain(catalogs).chain(asked).flat_map(with_what_it_needs) {
            if !needed.iter().any(|known| known == name) {
                needed.push(name.to_owned());
            }
        }
        needed
    }

    /// The lakes that can be written to.
    pub(crate) fn lakes(&self) -> Vec<Lake> {
        self.catalogs.iter().filter_map(|(name, catalog)| Lake::of(name, catalog)).collect()
    }

    /// What is needed to open one catalog; `None` when there is none of this name.
    pub(crate) fn only(&self, name: &str) -> Option<Self> {
        let found = self.catalogs.iter().find(|(known, _)| known == name)?;
        Some(Self { stores: self.stores.clone(), catalogs: vec![found.clone()], ..Default::default() })
    }

    /// The stores alone.
    pub(crate) fn only_stores(&self) -> Self {
        Self { stores: self.stores.clone(), ..Default::default() }
    }

    /// The catalogs whose tables the file gives, so that nobody may define others there.
    pub(crate) fn given(&self) -> Vec<String> {
        let given = self.catalogs.iter().filter(|(_, catalog)| catalog.gives_tables());
        given.map(|(name, _)| name.clone()).collect()
    }

    /// The places that statements may read and write because a catalog lies there.
    pub(crate) fn places(&self) -> Vec<String> {
        self.catalogs.iter().flat_map(|(_, catalog)| catalog.places()).collect()
    }

    /// What of them another instance of this process can have: not the catalogs whose metadata is a DuckDB file. The keys of stores
    /// are for the given places only.
    pub(crate) fn elsewhere(&self, places: &[String]) -> Self {
        let catalogs: Vec<_> = self.catalogs.iter().filter(|(_, catalog)| catalog.opens_twice()).cloned().collect();
        let stores = self.stores.iter().flat_map(|(name, store)| {
            let scopes = store.scopes_within(places).into_iter().enumerate();
            scopes.map(move |(number, scope)| (format!("{name}_{number}"), Store { scope, ..store.clone() }))
        });
        let is_there = |name: &String| catalogs.iter().any(|(known, _)| known == name);
        let default = self.default.clone().filter(is_there);
        Self { default, extensions: self.extensions.clone(), stores: stores.collect(), catalogs }
    }

    /// What the keys of stores are for.
    pub(crate) fn scopes(&self) -> Vec<String> {
        self.stores.iter().map(|(_, store)| store.scope.clone()).collect()
    }

    /// Attaches the catalogs, once the secrets are made; the instance is not locked yet. Gives the views whose files cannot be
    /// read now.
    ///
    /// # Errors
    /// [`CatalogsError`] for the first catalog that cannot be opened.
    pub(crate) fn attach(&self, connection: &Connection) -> Result<Vec<View>, CatalogsError> {
        let mut waiting = Vec::new();
        for (name, catalog) in &self.catalogs {
            let place = catalog_place(name);
            catalog.make_folder().map_err(|source| CatalogsError::Folder { place: place.clone(), source })?;
            let password = catalog.password(&place)?;
            let hidden: Vec<&str> = password.as_deref().into_iter().collect();
            for statement in attach::catalog(name, catalog, password.as_deref()) {
                run(connection, &place, &statement, &hidden)?;
            }
            for (table, scan) in attach::views(catalog) {
                let view = View::new(name, table, scan);
                if let Err(reason) = view.make(connection) {
                    tracing::warn!("{reason}");
                    view.excuse(connection, &reason).map_err(|error| opening(&place, &error, &[]))?;
                    waiting.push(view);
                }
            }
        }
        Ok(waiting)
    }

    /// Makes the secrets of the stores.
    ///
    /// # Errors
    /// [`CatalogsError`] for the first store whose secrets cannot be had.
    pub(crate) fn make_secrets(&self, connection: &Connection) -> Result<(), CatalogsError> {
        for (name, store) in &self.stores {
            let place = store_place(name);
            let secrets = store.secrets(&place)?;
            run(connection, &place, &attach::store(name, store, &secrets), &secrets.values())?;
        }
        Ok(())
    }
}

/// Runs one statement that may hold secrets, and keeps them out of its error.
fn run(connection: &Connection, place: &str, sql: &str, hidden: &[&str]) -> Result<(), CatalogsError> {
    connection.execute(sql).map(|_| ()).map_err(|error| opening(place, &error, hidden))
}

fn opening(place: &str, error: &EngineError, hidden: &[&str]) -> CatalogsError {
    let hide =
        |message: String, secret: &&str| if secret.is_empty() { message } else { message.replace(*secret, "…") };
    let message = hidden.iter().fold(error.to_string(), hide);
    CatalogsError::Open { place: place.to_owned(), message, kind: error.kind() }
}

fn with_what_it_needs(extension: &str) -> Vec<&str> {
    match extension {
        "iceberg" => vec!["avro", "iceberg"],
        "aws" => vec!["httpfs", "aws"],
        other => vec![other],
    }
}

fn catalog_place(name: &str) -> String {
    format!("catalog `{name}`")
}

fn store_place(name: &str) -> String {
    format!("store `{name}`")
}

fn entry(place: &str, reason: &str) -> CatalogsError {
    CatalogsError::Entry { place: place.to_owned(), reason: reason.to_owned() }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

#[cfg(test)]
mod tests;
