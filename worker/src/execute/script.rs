//! The blocking walk through the statements of one text.
//!
//! Every statement is parsed by DuckDB, checked by the policy, and runs once, in order. What fails ends the
//! walk: the statements before it stay done, as in any SQL client, and the failure is told.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use tavana_wire::estimate::Estimate;
use tavana_wire::{Failure, FailureKind, QueryId, Role, SessionState};

use super::again::until_settled;
use super::parameters::Parameters;
use super::{Executor, blocking, definition};
use crate::caller::Call;
use crate::engine::{Connection, EngineError};
use crate::memory::meter::Run;
use crate::memory::room::Room;
use crate::running::{Running, RunningQuery};
use crate::session::backend::USE;
use crate::session::changes::Changed;
use crate::session::private;
use crate::session::{Lease, PinnedSession};
use crate::spool::{Spool, SpoolSpace};
use crate::statement::credentials::CredentialChange;
use crate::statement::{self, Policy, PolicyError, SettingChange, Statement, StatementKind, TransactionControl};

/// What becomes of the last statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A read is planned, to run when it is fetched; the rows of anything else are kept.
    Plan,
    /// As [`Mode::Plan`], but the read runs next: its schema will be seen then.
    Now,
    /// It runs to its end; rows are not wanted.
    Update,
}

/// What the last statement came to.
#[derive(Debug)]
pub(crate) enum ScriptOutcome {
    /// A read that has not run.
    Read { sql: String, schema: SchemaRef },
    /// It ran, and its rows wait.
    Stored { schema: SchemaRef, spool: Spool },
    /// It ran, and changed so many rows; -1 when it is not of the kind that does.
    Changed(i64),
}

/// A walk that is about to start.
pub(super) struct Begun {
    pub(super) script: Script,
    pub(super) pieces: Vec<String>,
    pub(super) lease: Lease,
    pub(super) query: RunningQuery,
}

/// The walk's state.
pub(super) struct Script {
    pub(super) session: SessionState,
    pub(super) pinned: Option<Arc<PinnedSession>>,
    pub(super) policy: Policy,
    pub(super) role: Role,
    pub(super) parameters: Option<Parameters>,
    pub(super) mode: Mode,
    pub(super) space: SpoolSpace,
    pub(super) room: Room,
    pub(super) run: Run,
    /// How big a gateway thinks the statement is.
    pub(super) estimate: Option<Estimate>,
    running: Running,
    /// The gateway has ended the statement that a `KILL` names.
    killed: bool,
}

impl Executor {
    /// Walks through the statements of `sql` and ties what they change in the session to the call.
    pub(super) async fn run_script(
        &self,
        call: &mut Call,
        sql: &str,
        parameters: Option<Parameters>,
        mode: Mode,
    ) -> Result<ScriptOutcome, Failure> {
        let Begun { script, pieces, lease, query } = self.begin_script(call, sql, parameters, mode).await?;
        let before = script.session.clone();
        let run = query.run().clone();
        let work = move |lease: &mut Lease| {
            let outcome = script.walk(lease, &pieces);
            run.end();
            Ok(outcome)
        };
        let (_lease, (outcome, session)) = blocking::blocking(&query, lease, work).await?;
        if session != before {
            self.session_changed(call, session);
        }
        outcome.map_err(|failure| query.failed(failure))
    }

    /// Finds the connection for the statements of `sql`.
    pub(super) async fn begin_script(
        &self,
        call: &mut Call,
        sql: &str,
        parameters: Option<Parameters>,
        mode: Mode,
    ) -> Result<Begun, Failure> {
        self.check_length(sql)?;
        let pieces: Vec<String> = statement::split(sql).into_iter().map(str::to_owned).collect();
        if pieces.is_empty() {
            return Err(super::plan::no_statement());
        }
        let reason = pieces.iter().find_map(|piece| Statement::read(piece).needs_session());
        let lease = match reason {
            Some(reason) => {
                let session = self.pin(call, reason)?;
                self.show(call, session.lease().await)
            }
            None => self.lease(call, pieces.last().map(String::as_str)).await?,
        };
        let query = self.running.start_text(call, sql);
        let lease = match pieces.iter().any(|piece| Statement::read(piece).gives_credentials()) {
            true => self.make_private(&query, lease, &pieces, call.role()).await?,
            false => lease,
        };
        // A pinned session's state is here; a token that a client did not renew must not undo it.
        let session = lease.session().map_or_else(|| call.session.clone(), |pinned| pinned.session_state());
        let script = Script {
            session,
            pinned: lease.session().cloned(),
            policy: self.policy.clone(),
            role: call.role(),
            parameters,
            mode,
            space: self.space.clone(),
            room: query.room().clone(),
            run: query.run().clone(),
            estimate: call.estimate.clone(),
            running: self.running.clone(),
            killed: call.killed,
        };
        Ok(Begun { script, pieces, lease, query })
    }

    /// Gives the session of a lease an instance of its own, if it has none and its statements are allowed.
    async fn make_private(
        &self,
        query: &RunningQuery,
        lease: Lease,
        pieces: &[String],
        role: Role,
    ) -> Result<Lease, Failure> {
        for piece in pieces {
            self.policy.check_text(&Statement::read(piece), role)?;
        }
        let instances = Arc::clone(&self.private);
        let settings = lease.session().map(|session| session.session_state().settings).unwrap_or_default();
        let work = move |lease: &mut Lease| lease.make_private(|| instances.open(&settings));
        Ok(blocking::blocking(query, lease, work).await?.0)
    }

    /// Makes a change of the session known to its client and to its connection here.
    pub(crate) fn session_changed(&self, call: &mut Call, mut session: SessionState) {
        session.version += 1;
        if let Some(pinned) = self.pinned.find(&session) {
            pinned.set_session_state(session.clone());
        }
        call.change_session(session);
    }
}

/// The statement with its `?` numbered in the order of the text: DuckDB itself numbers them as its grammar
/// reads them, which is another order in a few places, such as `? AT TIME ZONE ?`.
pub(super) fn numbered(statement: &Statement<'_>) -> String {
    if let Some(query) = statement.shows_queue() {
        return query.to_owned();
    }
    let text = statement.with_own_secrets();
    if text.contains('?') { Statement::read(&text).with_parameter_types(&[]) } else { text.into_owned() }
}

/// Whether a statement that does more than read gives rows back; the rest give a count, or nothing.
pub(super) fn returns_rows(statement: &Statement<'_>, kind: StatementKind) -> bool {
    match kind {
        StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::MergeInto => {
            statement.has_returning()
        }
        StatementKind::Select
        | StatementKind::Explain
        | StatementKind::Call
        | StatementKind::Pragma
        | StatementKind::Execute => true,
        _ => false,
    }
}

/// What a statement of this kind may change.
fn changes(statement: &Statement<'_>, kind: StatementKind) -> Changed {
    match kind {
        StatementKind::Select
        | StatementKind::Insert
        | StatementKind::Update
        | StatementKind::Delete
        | StatementKind::MergeInto
        | StatementKind::Explain => Changed::Rows,
        _ if statement.may_change_functions() => Changed::Anything,
        _ => Changed::Catalog,
    }
}

impl Script {
    /// Runs all pieces; gives the outcome of the last and the session as it is after the last that ran.
    pub(super) fn walk(
        mut self,
        lease: &mut Lease,
        pieces: &[String],
    ) -> (Result<ScriptOutcome, Failure>, SessionState) {
        if let Err(failure) = self.check_room(pieces).and_then(|()| self.parse(lease, pieces)) {
            return (Err(failure), self.session);
        }
        let mut outcome = Ok(ScriptOutcome::Changed(-1));
        for (index, piece) in pieces.iter().enumerate() {
            outcome = self.piece(lease, piece, index + 1 == pieces.len());
            if outcome.is_err() {
                break;
            }
        }
        (outcome, self.session)
    }

    /// Refuses a text of which a part would run, as far as its words tell, where the call may only plan: nothing of it is done then.
    fn check_room(&self, pieces: &[String]) -> Result<(), Failure> {
        let runs = |(index, piece): (usize, &String)| {
            let statement = Statement::read(piece);
            let kind = statement.leading_kind();
            let is_planned = index + 1 == pieces.len() && self.mode == Mode::Plan && statement.reads_only(kind);
            !is_planned && statement.needs_room(kind)
        };
        if pieces.iter().enumerate().any(runs) { self.room.check() } else { Ok(()) }
    }

    /// Parses all of several statements before the first runs: a mistake in the last must not be found after it.
    fn parse(&self, lease: &mut Lease, pieces: &[String]) -> Result<(), Failure> {
        for piece in pieces.iter().filter(|_| pieces.len() > 1) {
            let statement = Statement::read(piece);
            self.policy.check_text(&statement, self.role)?;
            if statement.credentials().is_some() || statement.kill().is_some() {
                continue;
            }
            lease.connection().extract(&numbered(&statement))?;
        }
        Ok(())
    }

    fn piece(&mut self, lease: &mut Lease, sql: &str, is_last: bool) -> Result<ScriptOutcome, Failure> {
        let statement = Statement::read(sql);
        // Before DuckDB parses it: some pragmas are expanded, and looked up, while parsing.
        self.policy.check_text(&statement, self.role)?;
        if let Some(change) = statement.credentials() {
            return self.set_credentials(lease, change.map_err(PolicyError::from)?);
        }
        if let Some(change) = statement.setting()
            && !matches!(change, SettingChange::Variable)
        {
            return self.set(lease, change);
        }
        if let Some(target) = statement.kill() {
            let target = target.map_err(|error| Failure::new(FailureKind::Syntax, error.to_string()))?;
            return self.kill(target);
        }
        if let Some(control) = statement.transaction() {
            return self.transaction(lease, sql, control);
        }
        definition::check(&self.policy, lease.connection(), &statement)?;
        if statement.estimates() {
            return self.explain_estimate(lease, &statement);
        }
        if statement.needs_session().is_some() {
            lease.made_state();
        }
        until_settled(lease, |lease| self.statement(lease, &statement, is_last))
    }

    /// Changes the credentials of the session, which has an instance of its own by now if they are given.
    fn set_credentials(&self, lease: &mut Lease, change: CredentialChange) -> Result<ScriptOutcome, Failure> {
        if lease.in_transaction() {
            let message = "storage credentials are set outside of transactions; end this one first, or set them first";
            return Err(Failure::new(FailureKind::State, message));
        }
        match (lease.private(), change) {
            (Some((private, connection)), change) => private.change(connection, change)?,
            (None, CredentialChange::Drop { if_there: false, .. }) => return Err(private::no_secret()),
            (None, _) => {}
        }
        Ok(ScriptOutcome::Changed(-1))
    }

    /// Ends another statement: one of the same principal, or anybody's for an administrator.
    fn kill(&self, target: QueryId) -> Result<ScriptOutcome, Failure> {
        let ended = self.running.cancel(target, &self.session.principal, self.role == Role::Admin);
        if ended || self.killed {
            return Ok(ScriptOutcome::Changed(-1));
        }
        // The same for one that is over, one of somebody else's and one that never was.
        let message = "no statement of this id waits or runs that you may end; tavana.queries shows those that do";
        Err(Failure::new(FailureKind::NotFound, message))
    }

    /// Plans or runs a statement that is neither about settings nor about the transaction.
    fn statement(&self, lease: &mut Lease, statement: &Statement<'_>, is_last: bool) -> Result<ScriptOutcome, Failure> {
        let sql = numbered(statement);
        lease.choose_rows(&sql)?;
        if is_last && self.mode != Mode::Update && lease.has_prepared(&sql) {
            return self.read(lease, statement, sql);
        }
        let mut extracted = lease.extract(&sql)?;
        if extracted.count() != 1 {
            return self.expanded(lease, statement, &mut extracted, is_last);
        }
        let planned_on = lease.version();
        let mut prepared = extracted.prepare(0)?;
        drop(extracted);
        let kind = prepared.kind();
        self.policy.check(statement, kind, self.role)?;
        if is_last && self.mode != Mode::Update && statement.reads_only(kind) {
            lease.keep(sql.clone(), prepared, planned_on);
            return self.read(lease, statement, sql);
        }
        if statement.needs_room(kind) {
            self.room.check()?;
        }
        self.run.begin(lease.is_private());
        let _change = lease.change(changes(statement, kind));
        if statement.makes_temporary() {
            lease.made_temporaries();
        }
        self.run(lease, &mut prepared, is_last)
    }

    /// Plans a read: its schema now, its rows when they are fetched.
    fn read(&self, lease: &mut Lease, statement: &Statement<'_>, sql: String) -> Result<ScriptOutcome, Failure> {
        let prepared = lease.prepare(&sql)?;
        self.policy.check(statement, prepared.kind(), self.role)?;
        if self.mode == Mode::Now {
            return Ok(ScriptOutcome::Read { sql, schema: Arc::new(Schema::empty()) });
        }
        if let Some(schema) = prepared.schema()? {
            return Ok(ScriptOutcome::Read { sql, schema });
        }
        // A type hangs on a parameter: take it from the values that were bound.
        let Some(bound) = &self.parameters else {
            let message = "the type of a parameter is not known; bind values first, or cast it: CAST(? AS INTEGER)";
            return Err(Failure::new(FailureKind::Binding, message));
        };
        let sql = Statement::read(&statement.with_own_secrets()).with_parameter_types(&bound.sql_types()?);
        match lease.prepare(&sql)?.schema()? {
            Some(schema) => Ok(ScriptOutcome::Read { sql, schema }),
            None => Err(Failure::new(FailureKind::Binding, "the types of the result are not known")),
        }
    }

    /// Runs what DuckDB expands into several statements: `PIVOT`, `IMPORT DATABASE` and some pragmas.
    fn expanded(
        &self,
        lease: &mut Lease,
        statement: &Statement<'_>,
        extracted: &mut crate::engine::Extracted,
        is_last: bool,
    ) -> Result<ScriptOutcome, Failure> {
        self.policy.check(statement, StatementKind::Multi, self.role)?;
        self.room.check()?;
        self.run.begin(lease.is_private());
        // The expansion leaves types behind in the connection.
        lease.taint();
        lease.made_temporaries();
        let _change = lease.change(Changed::Anything);
        let mut outcome = Ok(ScriptOutcome::Changed(-1));
        for index in 0..extracted.count() {
            let mut prepared = extracted.prepare(index)?;
            let run = self.run(lease, &mut prepared, is_last)?;
            // The rows are those of the query, not of the clean-up behind it.
            if !matches!((&outcome, &run), (Ok(ScriptOutcome::Stored { .. }), ScriptOutcome::Changed(_))) {
                outcome = Ok(run);
            }
        }
        outcome
    }

    /// Changes a setting of the session, here and in its token.
    fn set(&mut self, lease: &mut Lease, change: SettingChange) -> Result<ScriptOutcome, Failure> {
        self.policy.check_setting(&change, self.role)?;
        let mut settings = self.session.settings.clone();
        match change {
            SettingChange::Set { name, value, .. } => {
                if name == "schema" || name == "search_path" {
                    forget_place(&mut settings);
                }
                settings.insert(name, value);
            }
            SettingChange::Reset { name, .. } => {
                if name == "schema" || name == "search_path" {
                    forget_place(&mut settings);
                }
                settings.remove(&name);
            }
            SettingChange::Use { target } => {
                forget_place(&mut settings);
                settings.insert(USE.to_owned(), target);
            }
            SettingChange::Variable => {}
        }
        if let Err(error) = lease.apply(&settings) {
            // A pinned connection goes on; it must keep what it had.
            lease.apply(&self.session.settings)?;
            return Err(error.into());
        }
        self.session.settings = settings;
        Ok(ScriptOutcome::Changed(-1))
    }

    /// Begins or ends the session's transaction.
    fn transaction(&self, lease: &mut Lease, sql: &str, control: TransactionControl) -> Result<ScriptOutcome, Failure> {
        let Some(session) = &self.pinned else {
            return Err(Failure::new(FailureKind::State, "a transaction needs a session"));
        };
        let outcome = run_transaction(lease, session, sql, control);
        outcome.map(|()| ScriptOutcome::Changed(-1)).map_err(Failure::from)
    }
}

/// Runs a transaction statement and notes what it did.
pub(super) fn run_transaction(
    lease: &mut Lease,
    session: &PinnedSession,
    sql: &str,
    control: TransactionControl,
) -> Result<(), EngineError> {
    // What the transaction created or wrote is known to all then, or to nobody.
    let ends = control != TransactionControl::Begin && session.has_changed();
    let _change = ends.then(|| lease.end_transaction());
    let outcome = match control {
        TransactionControl::Commit => commit(lease.connection(), sql),
        TransactionControl::Begin => lease.connection().execute(sql),
        TransactionControl::Rollback => match lease.connection().execute(sql) {
            // The database behind a catalog rolls back by itself what it lost the connection of.
            Err(error) if error.kind() == FailureKind::OutcomeUnknown => Ok(0),
            outcome => outcome,
        },
    };
    match (control, &outcome) {
        (TransactionControl::Begin, Ok(_)) => {
            session.transaction_began();
        }
        (TransactionControl::Begin, Err(_)) => {}
        (TransactionControl::Commit | TransactionControl::Rollback, _) => {
            session.transaction_ended();
        }
    }
    outcome.map(|_| ())
}

/// Commits, unless an earlier failure has aborted the transaction: DuckDB then rolls back and says nothing of it.
fn commit(connection: &Connection, sql: &str) -> Result<u64, EngineError> {
    // Any statement at all is refused in an aborted transaction.
    if let Err(error) = connection.execute("SELECT 1") {
        // It fails where the database behind a catalog is gone; nothing is committed then, either.
        let _ = connection.execute("ROLLBACK");
        if error.kind() == FailureKind::State {
            let message = "nothing was committed: an earlier statement failed and aborted the transaction, which is rolled back now";
            return Err(EngineError::new(FailureKind::State, message));
        }
        return Err(error);
    }
    connection.execute(sql)
}

/// Removes every setting that says where unqualified names are looked up.
fn forget_place(settings: &mut std::collections::BTreeMap<String, String>) {
    for name in [USE, "schema", "search_path"] {
        settings.remove(name);
    }
}
