//! Which sessions there are and what they do: what `pg_stat_activity` shows, and `current_setting` and `pg_settings`.
//!
//! Only the frontend knows, and a statement runs on a worker. So the translation writes variables where it would ask
//! ([`ACTIVITY`] and its kin), which nobody sets, and what they stand for takes their place when the statement is sent:
//! a prepared statement tells the truth each time that it runs. A user sees of others' sessions that they are
//! there; what they do only an administrator sees, as in PostgreSQL.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tavana_wire::may_hold_credentials;

use crate::message::Status;
use crate::settings::{Settings, quoted};

/// Stands for the list of sessions.
pub const ACTIVITY: &str = "getvariable('pg_activity')";
/// Stands for the map of all settings.
pub const SETTINGS: &str = "getvariable('pg_settings')";
/// Begins what stands for one setting; its name, a `?` where it may be missing, and `')` follow.
pub const SETTING: &str = "getvariable('pg_setting:";

/// Characters of a statement that are shown; PostgreSQL's `track_activity_query_size`.
const QUERY_CHARACTERS: usize = 1024;

/// What is shown in the place of a statement that sets credentials, perhaps.
const WITH_CREDENTIALS: &str = "<a statement that may hold credentials>";

/// What all sessions do.
#[derive(Clone, Default)]
pub struct Activities {
    sessions: Arc<Mutex<BTreeMap<u32, Doing>>>,
}

/// What one session does.
struct Doing {
    user: String,
    application: String,
    client: Option<SocketAddr>,
    began: SystemTime,
    transaction_began: Option<SystemTime>,
    query_began: Option<SystemTime>,
    changed: SystemTime,
    state: &'static str,
    query: String,
}

/// A session's place among them; dropping it gives it up.
pub struct Presence {
    activities: Activities,
    process: u32,
    sees_all: bool,
}

impl Activities {
    /// A session begins. `sees_all` says whether it is shown what others do.
    pub fn enter(&self, process: u32, user: &str, client: Option<SocketAddr>, sees_all: bool) -> Presence {
        let now = SystemTime::now();
        let doing = Doing {
            user: user.to_owned(),
            application: String::new(),
            client,
            began: now,
            transaction_began: None,
            query_began: None,
            changed: now,
            state: "idle",
            query: String::new(),
        };
        self.lock().insert(process, doing);
        Presence { activities: self.clone(), process, sees_all }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Doing>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// Whether this session may signal another; none when there is no such session.
    pub fn may_signal(&self, process: u32) -> Option<bool> {
        let sessions = self.activities.lock();
        let other = sessions.get(&process)?;
        Some(self.sees_all || sessions.get(&self.process).is_some_and(|own| own.user == other.user))
    }

    /// A statement begins.
    pub fn begin(&self, query: &str, settings: &Settings) {
        let query = if may_hold_credentials(query) { WITH_CREDENTIALS } else { query };
        let shown = query.char_indices().nth(QUERY_CHARACTERS).map_or(query, |(end, _)| &query[..end]);
        self.change(settings, |doing, now| {
            shown.clone_into(&mut doing.query);
            doing.query_began = Some(now);
            doing.transaction_began.get_or_insert(now);
            doing.state = "active";
        });
    }

    /// The session waits for its client.
    pub fn rest(&self, status: Status, settings: &Settings) {
        self.change(settings, |doing, _| {
            doing.state = match status {
                Status::Idle => "idle",
                Status::Transaction => "idle in transaction",
                Status::Failed => "idle in transaction (aborted)",
            };
            if status == Status::Idle {
                doing.transaction_began = None;
            }
        });
    }

    fn change(&self, settings: &Settings, change: impl FnOnce(&mut Doing, SystemTime)) {
        let now = SystemTime::now();
        if let Some(doing) = self.activities.lock().get_mut(&self.process) {
            doing.changed = now;
            let application = settings.get("application_name").unwrap_or_default();
            if doing.application != application {
                application.clone_into(&mut doing.application);
            }
            change(doing, now);
        }
    }

    /// The text of a statement with what its variables stand for.
    pub fn fill<'a>(&self, sql: &'a str, settings: &Settings) -> Cow<'a, str> {
        let mut filled = Cow::Borrowed(sql);
        if filled.contains(ACTIVITY) {
            filled = filled.replace(ACTIVITY, &self.list()).into();
        }
        if filled.contains(SETTINGS) {
            let all = settings.all().map(|(name, value)| format!("{}: {}", quoted(name), quoted(value)));
            filled = filled.replace(SETTINGS, &format!("MAP {{{}}}", all.collect::<Vec<_>>().join(", "))).into();
        }
        while let Some((before, rest)) = filled.split_once(SETTING) {
            let Some((name, after)) = rest.split_once("')") else { break };
            let (name, may_miss) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
            let value = match settings.get(name) {
                Some(value) => quoted(value),
                None if may_miss => "NULL".to_owned(),
                None => format!("error({})", quoted(&format!("unrecognized configuration parameter \"{name}\""))),
            };
            filled = format!("{before}{value}{after}").into();
        }
        filled
    }

    /// The sessions as a list of DuckDB's structs.
    fn list(&self) -> String {
        let sessions = self.activities.lock();
        let own = sessions.get(&self.process).map(|doing| doing.user.clone());
        let entries = sessions.iter().map(|(process, doing)| {
            let is_shown = self.sees_all || own.as_deref() == Some(doing.user.as_str());
            entry(*process, doing, is_shown)
        });
        format!("[{}]", entries.collect::<Vec<_>>().join(", "))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.activities.lock().remove(&self.process);
    }
}

fn entry(process: u32, doing: &Doing, is_shown: bool) -> String {
    let text = |text: String| if is_shown { quoted(&text) } else { "NULL".to_owned() };
    let moment = |moment: Option<SystemTime>| match moment.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok()) {
        Some(since) if is_shown => format!("to_timestamp({}.{:06})", since.as_secs(), since.subsec_micros()),
        _ => "NULL::TIMESTAMPTZ".to_owned(),
    };
    let query = if is_shown { doing.query.as_str() } else { "<insufficient privilege>" };
    let address = doing.client.map_or_else(|| "NULL".to_owned(), |client| text(client.ip().to_string()));
    let port = doing.client.filter(|_| is_shown).map_or_else(|| "NULL".to_owned(), |client| client.port().to_string());
    format!(
        "{{'pid': {process}, 'usename': {}, 'application_name': {}, 'client_addr': {address}, 'client_port': {port}, \
         'backend_start': {}, 'xact_start': {}, 'query_start': {}, 'state_change': {}, 'state': {}, 'query': {}}}",
        quoted(&doing.user),
        quoted(&doing.application),
        moment(Some(doing.began)),
        moment(doing.transaction_began),
        moment(doing.query_began),
        moment(Some(doing.changed)),
        text(doing.state.to_owned()),
        quoted(query),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_do_is_shown_to_administrators_only() {
        let activities = Activities::default();
        let settings = Settings::new("ada");
        let ada = activities.enter(1, "ada", None, false);
        let bob = activities.enter(2, "bob", None, true);
        ada.begin("select 'mine'", &settings);
        let seen = |presence: &Presence| presence.fill(&format!("FROM f({ACTIVITY})"), &settings).into_owned();
        assert!(seen(&bob).contains("select ''mine''") && seen(&bob).contains("'state': 'active'"));
        bob.begin("select 'other'", &settings);
        assert!(seen(&ada).contains("<insufficient privilege>") && !seen(&ada).contains("other"));
        ada.begin("create secret (key_id 'canary')", &settings);
        assert!(seen(&bob).contains(WITH_CREDENTIALS) && !seen(&bob).contains("canary"));
        drop(bob);
        assert!(!seen(&ada).contains("'pid': 2"));
    }

    #[test]
    fn settings_take_the_place_of_variables() {
        let activities = Activities::default();
        let presence = activities.enter(1, "ada", None, false);
        let sql = format!("SELECT {SETTING}TimeZone'), {SETTING}no.pe?')");
        assert_eq!(presence.fill(&sql, &Settings::new("ada")), "SELECT 'UTC', NULL");
        let sql = format!("SELECT {SETTING}no.pe')");
        assert!(presence.fill(&sql, &Settings::new("ada")).contains("unrecognized configuration parameter"));
        assert!(matches!(presence.fill("SELECT 1", &Settings::new("ada")), Cow::Borrowed(_)));
    }
}
