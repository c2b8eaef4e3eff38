//! DuckDB's plan of a statement, for gateways that estimate by it.

use arrow::array::{Array as _, AsArray as _};
use tavana_wire::status::{ExplainAnswer, ExplainRequest, VERSION};
use tavana_wire::{Failure, FailureKind, Role};

use super::Executor;
use super::blocking::blocking;
use super::script::numbered;
use crate::caller::Call;
use crate::session::Lease;
use crate::statement::{Policy, Statement, split};

impl Executor {
    /// DuckDB's plan of a statement, which the session must be allowed to run; it does not run.
    ///
    /// # Errors
    /// What DuckDB or the policy says. `Binding` for one with parameters: DuckDB plans by their values, and there are none.
    pub(crate) async fn explain(&self, call: &Call, request: ExplainRequest) -> Result<ExplainAnswer, Failure> {
        self.check_length(&request.sql)?;
        let [sql] = split(&request.sql)[..] else {
            return Err(Failure::new(
                FailureKind::InvalidRequest,
                "one statement is explained at a time; send them one by one",
            ));
        };
        let sql = sql.to_owned();
        let query = self.running.start_text(call, &sql);
        let lease = self.lease(call, None).await?;
        if lease.in_transaction() {
            // Of some failures, such as of a metadata database that is gone, DuckDB aborts it.
            let message = "nothing is explained while a transaction is open, since a failure could abort it";
            return Err(Failure::new(FailureKind::State, message));
        }
        let (policy, role) = (self.policy.clone(), call.role());
        let work = move |lease: &mut Lease| plan(lease, &sql, &policy, role);
        let (_, plan) = blocking(&query, lease, work).await?;
        Ok(ExplainAnswer { version: VERSION, plan })
    }
}

fn plan(lease: &mut Lease, sql: &str, policy: &Policy, role: Role) -> Result<String, Failure> {
    let statement = Statement::read(sql);
    policy.check_text(&statement, role)?;
    let text = numbered(&statement);
    let explain = format!("EXPLAIN (FORMAT json) {text}");
    // What may be explained at all is told by the words of the whole.
    policy.check_text(&Statement::read(&explain), role)?;
    let mut extracted = lease.extract(&text)?;
    if extracted.count() != 1 {
        let message = "DuckDB runs this statement in several steps, and has no plan of the whole";
        return Err(Failure::new(FailureKind::Unsupported, message));
    }
    let prepared = extracted.prepare(0)?;
    policy.check(&statement, prepared.kind(), role)?;
    if prepared.parameter_count() > 0 {
        let message =
            "the plan hangs on the values of parameters, and there are none; explain it with values in their place";
        return Err(Failure::new(FailureKind::Binding, message));
    }
    drop((prepared, extracted));
    let rows = lease.connection().query(&explain, &[])?;
    // A session can have DuckDB tell of the plan before it was optimized, too; the last is the one that would run.
    let last = rows.iter().rfind(|batch| batch.num_rows() > 0).map(|batch| {
        let plans = batch.column(1).as_string::<i32>();
        plans.value(plans.len() - 1).to_owned()
    });
    last.ok_or_else(|| Failure::new(FailureKind::Internal, "DuckDB told no plan"))
}
