//! What is known of a text before it runs.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use tavana_wire::{Failure, Role};

use super::script::{numbered, returns_rows};
use crate::session::Lease;
use crate::statement::{Policy, Statement, StatementKind};

/// What is known of a statement before it runs.
#[derive(Debug)]
pub(crate) struct Description {
    /// The schema of its rows; none when it returns none or it hangs on the types of parameters.
    pub(crate) schema: Option<SchemaRef>,
    /// The schema of its parameters.
    pub(crate) parameters: SchemaRef,
    /// It changes rows, or the catalog, or the session.
    pub(crate) is_update: bool,
}

/// What is known of a text before it runs; of several statements only what their words say of the last, because it may
/// need what those before it do.
pub(crate) fn describe(
    lease: &mut Lease,
    pieces: &[String],
    policy: &Policy,
    role: Role,
) -> Result<Description, Failure> {
    let mut description = Description { schema: None, parameters: Arc::new(Schema::empty()), is_update: true };
    for piece in pieces {
        let statement = Statement::read(piece);
        policy.check_text(&statement, role)?;
        description.is_update = statement.leading_kind() != StatementKind::Select;
        if statement.credentials().is_some() || statement.kill().is_some() {
            continue;
        }
        if let Some(change) = statement.setting() {
            policy.check_setting(&change, role)?;
        }
        if statement.estimates() {
            super::estimate::bind(lease, &statement)?;
            description.schema = (pieces.len() == 1).then(super::estimate::schema);
            description.is_update = false;
            continue;
        }
        let sql = numbered(&statement);
        let mut extracted = lease.extract(&sql)?;
        let stands_alone = statement.setting().is_none() && statement.transaction().is_none();
        if pieces.len() > 1 || extracted.count() != 1 || !stands_alone {
            continue;
        }
        let planned_on = lease.version();
        let prepared = extracted.prepare(0)?;
        let kind = prepared.kind();
        policy.check(&statement, kind, role)?;
        drop(extracted);
        // A read is kept prepared: it is likely to run next.
        let reads = statement.reads_only(kind);
        let mut own = None;
        let prepared = match reads {
            true => lease.keep(sql, prepared, planned_on),
            false => own.insert(prepared),
        };
        description.parameters = prepared.parameter_schema()?;
        let returns_rows = reads || returns_rows(&statement, kind);
        if returns_rows {
            description.schema = prepared.schema()?;
        }
        description.is_update = !returns_rows;
    }
    Ok(description)
}
