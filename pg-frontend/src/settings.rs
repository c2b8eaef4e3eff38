//! The settings of a session, by PostgreSQL's names.
//!
//! Most of PostgreSQL's settings mean nothing to DuckDB, and clients set and show them all the same: those are kept and told back.
//! Some shape the text of values ([`crate::encode::Settings`]), some are the frontend's own (`statement_timeout`), and a few are
//! DuckDB's under another name ([`Settings::duckdb`]). A transaction that fails takes its changes back, and `SET LOCAL` ends with it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::encode::{self, ByteaOutput, IntervalStyle, Zone};
use crate::error::PgError;
use crate::message::Reply;

/// The version of PostgreSQL that clients are told: they decide by it which catalogs and columns they ask for, and the catalog
/// that workers attach is that of PostgreSQL 15.
pub const SERVER_VERSION: &str = "15.18";

/// How a value is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Switch,
    Integer,
    Time,
    /// Nobody changes it.
    Fixed,
}

/// Name, default, kind. The names are as PostgreSQL writes them.
const KNOWN: &[(&str, &str, Kind)] = &[
    ("allow_in_place_tablespaces", "off", Kind::Switch),
    ("application_name", "", Kind::Text),
    ("backslash_quote", "safe_encoding", Kind::Text),
    ("backtrace_functions", "", Kind::Text),
    ("bytea_output", "hex", Kind::Text),
    ("check_function_bodies", "on", Kind::Switch),
    ("client_encoding", "UTF8", Kind::Text),
    ("client_min_messages", "notice", Kind::Text),
    ("constraint_exclusion", "partition", Kind::Text),
    ("cursor_tuple_fraction", "0.1", Kind::Text),
    ("DateStyle", "ISO, MDY", Kind::Text),
    ("default_tablespace", "", Kind::Text),
    ("default_text_search_config", "pg_catalog.english", Kind::Text),
    ("default_transaction_deferrable", "off", Kind::Switch),
    ("default_transaction_isolation", "repeatable read", Kind::Text),
    ("default_transaction_read_only", "off", Kind::Switch),
    ("default_toast_compression", "pglz", Kind::Text),
    ("enable_bitmapscan", "on", Kind::Switch),
    ("enable_hashjoin", "on", Kind::Switch),
    ("enable_indexscan", "on", Kind::Switch),
    ("enable_mergejoin", "on", Kind::Switch),
    ("enable_nestloop", "on", Kind::Switch),
    ("enable_seqscan", "on", Kind::Switch),
    ("enable_sort", "on", Kind::Switch),
    ("escape_string_warning", "on", Kind::Switch),
    ("extra_float_digits", "1", Kind::Integer),
    ("from_collapse_limit", "8", Kind::Integer),
    ("geqo", "on", Kind::Switch),
    ("gin_fuzzy_search_limit", "0", Kind::Integer),
    ("hot_standby", "on", Kind::Fixed),
    ("idle_in_transaction_session_timeout", "0", Kind::Time),
    ("idle_session_timeout", "0", Kind::Time),
    ("in_hot_standby", "off", Kind::Fixed),
    ("integer_datetimes", "on", Kind::Fixed),
    ("IntervalStyle", "postgres", Kind::Text),
    ("is_superuser", "on", Kind::Fixed),
    ("jit", "off", Kind::Switch),
    ("join_collapse_limit", "8", Kind::Integer),
    ("lc_collate", "C", Kind::Fixed),
    ("lc_ctype", "C", Kind::Fixed),
    ("lc_messages", "C", Kind::Text),
    ("lc_monetary", "C", Kind::Text),
    ("lc_numeric", "C", Kind::Text),
    ("lc_time", "C", Kind::Text),
    ("lock_timeout", "0", Kind::Time),
    ("log_min_messages", "warning", Kind::Text),
    ("log_statement", "none", Kind::Text),
    ("maintenance_work_mem", "65536", Kind::Text),
    ("max_connections", "100", Kind::Fixed),
    ("max_identifier_length", "63", Kind::Fixed),
    ("max_index_keys", "32", Kind::Fixed),
    ("max_parallel_workers_per_gather", "2", Kind::Integer),
    ("password_encryption", "scram-sha-256", Kind::Text),
    ("quote_all_identifiers", "off", Kind::Switch),
    ("random_page_cost", "4", Kind::Text),
    ("row_security", "on", Kind::Switch),
    ("search_path", "\"$user\", public", Kind::Text),
    ("server_encoding", "UTF8", Kind::Fixed),
    ("server_version", SERVER_VERSION, Kind::Fixed),
    ("server_version_num", "150018", Kind::Fixed),
    ("session_authorization", "", Kind::Text),
    ("session_replication_role", "origin", Kind::Text),
    ("ssl", "off", Kind::Fixed),
    ("standard_conforming_strings", "on", Kind::Switch),
    ("statement_timeout", "0", Kind::Time),
    ("synchronize_seqscans", "on", Kind::Switch),
    ("synchronous_commit", "on", Kind::Text),
    ("tavana.notices", "off", Kind::Switch),
    ("tavana.translate", "on", Kind::Switch),
    ("TimeZone", "UTC", Kind::Text),
    ("timezone_abbreviations", "Default", Kind::Text),
    ("transaction_deferrable", "off", Kind::Switch),
    ("transaction_isolation", "repeatable read", Kind::Text),
    ("transaction_read_only", "off", Kind::Switch),
    ("transform_null_equals", "off", Kind::Switch),
    ("vacuum_cost_delay", "0", Kind::Text),
    ("work_mem", "4096", Kind::Text),
    ("xmlbinary", "base64", Kind::Text),
    ("xmloption", "content", Kind::Text),
];

/// Settings whose changes every client is told.
const REPORTED: &[&str] = &[
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "scram_iterations",
    "search_path",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// The settings of one session.
#[derive(Clone, Debug)]
pub struct Settings {
    values: BTreeMap<String, String>,
    /// What `RESET` goes back to: the defaults and what the startup packet said.
    defaults: BTreeMap<String, String>,
    /// As they are without what is local to the transaction.
    lasting: BTreeMap<String, String>,
    /// As they were when the transaction began.
    before: Option<BTreeMap<String, String>>,
    /// How values are written.
    pub text: encode::Settings,
    /// The number of the session, as its client knows it.
    pub process: u32,
    /// The catalog that the client is connected to, where that is not the default one.
    pub catalog: Option<String>,
}

impl Settings {
    /// The settings of a new session of `user`.
    pub fn new(user: &str) -> Self {
        let mut defaults: BTreeMap<String, String> =
            KNOWN.iter().map(|(name, value, _)| ((*name).to_owned(), (*value).to_owned())).collect();
        defaults.insert("session_authorization".to_owned(), user.to_owned());
        let text = encode::Settings::default();
        Self {
            values: defaults.clone(),
            lasting: defaults.clone(),
            defaults,
            before: None,
            text,
            process: 0,
            catalog: None,
        }
    }

    /// What the startup packet says, which `RESET` goes back to.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn start(&mut self, name: &str, value: &str) -> Result<(), PgError> {
        self.set(name, Some(value), false)?;
        self.defaults = self.values.clone();
        Ok(())
    }

    /// The value of a setting, by a name in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(&spelled(name)).map(String::as_str)
    }

    /// All settings.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a setting is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("on")
    }

    /// A setting that is a time; `None` when it is off.
    pub fn time(&self, name: &str) -> Option<Duration> {
        let millis: u64 = self.get(name)?.parse().ok()?;
        (millis > 0).then(|| Duration::from_millis(millis))
    }

    /// Changes a setting; `None` takes it back to its default.
    ///
    /// # Errors
    /// 42704 for a name nobody knows, 22023 for a value it does not take, 55P02 for one that cannot be changed.
    pub fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> Result<(), PgError> {
        let name = spelled(name);
        let value = match value {
            Some(value) => self.checked(&name, value)?,
            None => self.defaults.get(&name).cloned().ok_or_else(|| unknown(&name))?,
        };
        self.values.insert(name.clone(), value.clone());
        if !local {
            self.lasting.insert(name, value);
        }
        self.shape();
        Ok(())
    }

    /// Takes every setting back to its default.
    pub fn reset_all(&mut self) {
        let user = self.values.get("session_authorization").cloned();
        self.values = self.defaults.clone();
        self.values.extend(user.map(|user| ("session_authorization".to_owned(), user)));
        self.lasting = self.values.clone();
        self.shape();
    }

    /// A transaction begins.
    pub fn begin(&mut self) {
        self.before = Some(self.lasting.clone());
    }

    /// It ended: what was local to it goes, and all it changed when it did not commit.
    pub fn end(&mut self, committed: bool) {
        if let Some(before) = self.before.take()
            && !committed
        {
            self.lasting = before;
        }
        if self.values != self.lasting {
            self.values = self.lasting.clone();
            self.shape();
        }
    }

    /// Tells the client of what has changed since `before`, or of all there is.
    pub fn report(&self, before: Option<&Self>, reply: &mut Reply) {
        for name in REPORTED {
            let value = self.values.get(*name);
            if let Some(value) =
                value.filter(|value| before.is_none_or(|before| before.values.get(*name) != Some(value)))
            {
                reply.parameter_status(name, value);
            }
        }
    }

    /// What DuckDB has to be told, as statements, where it differs from `before`.
    pub fn duckdb(&self, before: Option<&Self>) -> Vec<String> {
        let changed = |name: &str| before.is_none_or(|before| before.values.get(name) != self.values.get(name));
        let mut statements = Vec::new();
        if changed("TimeZone") {
            statements.push(format!("SET TimeZone = {}", quoted(self.text.time_zone.name())));
        }
        if changed("search_path") {
            statements.push(format!("SET search_path = {}", quoted(&self.search_path())));
        }
        statements
    }

    /// The schemas of `search_path` as DuckDB knows them; the catalog of PostgreSQL comes behind them.
    pub fn search_path(&self) -> String {
        let path = self.get("search_path").unwrap_or_default();
        let mut schemas: Vec<String> = Vec::new();
        for schema in path.split(',').map(|schema| schema.trim().trim_matches('"')) {
            let schema = match schema {
                "" | "$user" | "pg_catalog" | "pg_temp" | "information_schema" => continue,
                "public" => "main",
                other => other,
            };
            if !schemas.iter().any(|known| known == schema) {
                schemas.push(schema.to_owned());
            }
        }
        if schemas.is_empty() {
            schemas.push("main".to_owned());
        }
        if let Some(catalog) = &self.catalog {
            schemas.iter_mut().for_each(|schema| *schema = format!("{catalog}.{schema}"));
        }
        schemas.push(format!("{CATALOG}.main"));
        schemas.join(",")
    }

    fn checked(&self, name: &str, value: &str) -> Result<String, PgError> {
        let invalid = || PgError::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""));
        let Some((_, _, kind)) = KNOWN.iter().find(|(known, ..)| *known == name) else {
            // Names with a dot are the client's own.
            return if name.contains('.') { Ok(value.to_owned()) } else { Err(unknown(name)) };
        };
        match kind {
            Kind::Fixed => Err(PgError::new("55P02", format!("parameter \"{name}\" cannot be changed"))),
            Kind::Switch => switch(value)
                .map(|on| if on { "on" } else { "off" }.to_owned())
                .ok_or_else(|| PgError::new("22023", format!("parameter \"{name}\" requires a Boolean value"))),
            Kind::Integer => value.trim().parse::<i64>().map(|value| value.to_string()).map_err(|_| invalid()),
            Kind::Time => millis(value).map(|millis| millis.to_string()).ok_or_else(invalid),
            Kind::Text => self.checked_text(name, value).ok_or_else(invalid),
        }
    }

    fn checked_text(&self, name: &str, value: &str) -> Option<String> {
        match name {
            "client_encoding" => {
                let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
                let is_utf8 = ["utf8", "unicode", "sqlascii"].iter().any(|known| plain.eq_ignore_ascii_case(known));
                is_utf8.then(|| "UTF8".to_owned())
            }
            "DateStyle" => {
                let mut text = self.text.clone();
                text.set_date_style(value).then(|| text.date_style())
            }
            "IntervalStyle" => IntervalStyle::named(value).map(|_| value.to_ascii_lowercase()),
            "bytea_output" => ByteaOutput::named(value).map(|_| value.to_ascii_lowercase()),
            "TimeZone" => Zone::named(zone_name(value)).ok().map(|zone| zone.name().to_owned()),
            _ => Some(value.to_owned()),
        }
    }

    /// Takes over what shapes text; the values were checked.
    fn shape(&mut self) {
        let get = |name: &str| self.values.get(name).map(String::as_str).unwrap_or_default();
        let mut text = encode::Settings::default();
        text.set_date_style(get("DateStyle"));
        text.interval_style = IntervalStyle::named(get("IntervalStyle")).unwrap_or_default();
        text.bytea_output = ByteaOutput::named(get("bytea_output")).unwrap_or_default();
        text.extra_float_digits = get("extra_float_digits").parse().unwrap_or(1);
        text.time_zone = Zone::named(get("TimeZone")).unwrap_or_else(|_| Zone::utc());
        self.text = text;
    }
}

/// The database that holds PostgreSQL's catalog.
pub const CATALOG: &str = "pgc";

/// What every session's connection is told once, so that DuckDB computes as PostgreSQL does.
pub const DIALECT: &[&str] = &[
    "SET arrow_lossless_conversion = true",
    "SET integer_division = true",
    "SET default_null_order = 'postgres'",
    "SET preserve_identifier_case = false",
];

/// Whether there is a setting of this name.
pub fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, ..)| known.eq_ignore_ascii_case(name))
}

/// The name as PostgreSQL writes it.
fn spelled(name: &str) -> String {
    let alias = match name.to_ascii_lowercase().as_str() {
        "time zone" => "TimeZone".to_owned(),
        "names" => "client_encoding".to_owned(),
        "session characteristics" => "default_transaction_isolation".to_owned(),
        lower => lower.to_owned(),
    };
    let known = KNOWN.iter().find(|(known, ..)| known.eq_ignore_ascii_case(&alias));
    known.map_or(alias, |(known, ..)| (*known).to_owned())
}

fn unknown(name: &str) -> PgError {
    PgError::new("42704", format!("unrecognized configuration parameter \"{name}\""))
}

fn switch(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "on" | "true" | "t" | "tr" | "tru" | "yes" | "y" | "ye" | "1" => Some(true),
        "off" | "of" | "false" | "f" | "fa" | "fal" | "fals" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// Milliseconds of a time with a unit, or without.
fn millis(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
    let amount: u64 = value[..digits].parse().ok()?;
    let unit = match value[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    amount.checked_mul(unit).filter(|&millis| millis <= i32::MAX as u64)
}

/// `LOCAL` and `DEFAULT` stand for the server's own zone.
fn zone_name(value: &str) -> &str {
    if value.eq_ignore_ascii_case("local") || value.eq_ignore_ascii_case("default") { "UTC" } else { value }
}

/// Text in single quotes, as SQL reads it whole.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_told_back_as_postgresql_does() {
        let mut settings = Settings::new("ada");
        let mut check = |name: &str, value: &str, shown: Result<&str, &str>| {
            let set = settings.set(name, Some(value), false);
            let found = set.map(|()| settings.get(name).unwrap().to_owned()).map_err(|error| error.sqlstate);
            assert_eq!(found.as_deref(), shown.as_deref(), "{name} {value}");
        };
        check("datestyle", "german", Ok("German, DMY"));
        check("TIMEZONE", "Europe/Berlin", Ok("Europe/Berlin"));
        check("timezone", "Europe/Atlantis", Err("22023"));
        check("statement_timeout", "2s", Ok("2000"));
        check("statement_timeout", "soon", Err("22023"));
        check("client_encoding", "'utf-8'", Ok("UTF8"));
        check("client_encoding", "LATIN1", Err("22023"));
        check("jit", "yes", Ok("on"));
        check("server_version", "9", Err("55P02"));
        check("my.own", "x", Ok("x"));
        check("nonsense", "x", Err("42704"));
    }

    #[test]
    fn a_failed_transaction_takes_its_settings_back() {
        let mut settings = Settings::new("ada");
        settings.begin();
        settings.set("application_name", Some("a"), false).unwrap();
        settings.set("statement_timeout", Some("5"), true).unwrap();
        settings.end(true);
        assert_eq!((settings.get("application_name"), settings.get("statement_timeout")), (Some("a"), Some("0")));
        settings.begin();
        settings.set("application_name", Some("b"), false).unwrap();
        settings.end(false);
        assert_eq!(settings.get("application_name"), Some("a"));
    }

    #[test]
    fn public_is_main() {
        let mut settings = Settings::new("ada");
        assert_eq!(settings.search_path(), "main,pgc.main");
        settings.set("search_path", Some("app, public, pg_catalog"), false).unwrap();
        assert_eq!(settings.search_path(), "app,main,pgc.main");
    }
}
