//! A DuckLake as those see it who look after it.

use std::path::Path;

use super::file::{CatalogEntry, Metadata, read};
use super::secret::Secret;
use super::{CatalogsError, attach, catalog_place, run};
use crate::engine::{Connection, quoted};
use crate::maintenance::{Maintenance, MaintenanceSettings};

/// A lake that can be written to.
#[derive(Clone, Debug)]
pub(crate) struct Lake {
    pub(crate) name: String,
    /// Where its files are.
    pub(crate) data_path: String,
    metadata: String,
    password: Option<Secret>,
    maintenance: Option<MaintenanceSettings>,
}

/// What keeps the metadata of a lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MetadataKind {
    Postgres,
    Sqlite,
    Duckdb,
}

impl Lake {
    pub(super) fn of(name: &str, catalog: &CatalogEntry) -> Option<Self> {
        let CatalogEntry::Ducklake { metadata, password, data_path, read_only: false, maintenance } = catalog else {
            return None;
        };
        Some(Self {
            name: name.to_owned(),
            data_path: data_path.clone(),
            metadata: metadata.clone(),
            password: password.clone(),
            maintenance: *maintenance,
        })
    }

    /// Its maintenance, where it is to be run on a schedule.
    pub(crate) fn scheduled(&self) -> Option<Maintenance> {
        self.maintenance.map(|settings| self.maintained(settings))
    }

    /// Its maintenance, with the defaults where the file has no settings for it.
    pub(crate) fn maintenance(&self) -> Maintenance {
        self.maintained(self.maintenance.unwrap_or_default())
    }

    fn maintained(&self, settings: MaintenanceSettings) -> Maintenance {
        let metadata_is_sqlite = self.kind() == MetadataKind::Sqlite;
        Maintenance { catalog: self.name.clone(), settings, metadata_is_sqlite }
    }

    pub(crate) fn kind(&self) -> MetadataKind {
        match Metadata::of(&self.metadata) {
            Some(Metadata::Postgres(_)) => MetadataKind::Postgres,
            Some(Metadata::Sqlite(_)) => MetadataKind::Sqlite,
            Some(Metadata::Duckdb(_)) | None => MetadataKind::Duckdb,
        }
    }

    /// Whether its metadata is a file that is not there yet.
    pub(crate) fn has_no_file(&self) -> bool {
        match Metadata::of(&self.metadata) {
            Some(Metadata::Sqlite(file) | Metadata::Duckdb(file)) => !Path::new(file).exists(),
            Some(Metadata::Postgres(_)) | None => false,
        }
    }

    /// Attaches the database of its metadata as `database`, while the lake itself is not attached.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn attach_metadata(
        &self,
        connection: &Connection,
        database: &str,
        read_only: bool,
    ) -> Result<(), CatalogsError> {
        let place = catalog_place(&self.name);
        let password = read(self.password.as_ref(), &place)?;
        let hidden: Vec<&str> = password.as_deref().into_iter().collect();
        attach::metadata(database, &self.metadata, read_only, password.as_deref())
            .iter()
            .try_for_each(|sql| run(connection, &place, sql, &hidden))
    }

    /// Detaches the database again, and forgets its password.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(crate) fn detach_metadata(&self, connection: &Connection, database: &str) -> Result<(), CatalogsError> {
        let place = catalog_place(&self.name);
        run(connection, &place, &format!("DETACH {}", quoted(database)), &[])?;
        let secret = quoted(&format!("tavana_catalog_{database}"));
        run(connection, &place, &format!("DROP SECRET IF EXISTS {secret}"), &[])
    }
}
