//! What parameters and columns a statement has.
//!
//! It is asked of DuckDB when a client asks us, or when values of unknown type come; both are kept with the statement. Parameters
//! whose type neither client nor DuckDB knows are text, and the statement is looked at again with a cast in their place, because
//! one unknown hides all columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};

use super::plan::Plan;
use super::run::{Bounds, failed, watched};
use super::utility::oid_of_name;
use super::{Session, Stop};
use crate::decode;
use crate::encode::PgType;
use crate::error::PgError;
use crate::flight::Outcome;
use crate::translate::{Command, array_parameters, cast_types, parameter_places};

/// What is known of a prepared statement.
#[derive(Clone)]
pub(super) struct Described {
    pub(super) types: Vec<u32>,
    pub(super) rows: Option<SchemaRef>,
    /// The plan, with casts where they were needed.
    pub(super) plan: Arc<Plan>,
}

const TEXT: u32 = 25;
/// Arrays of text, numbers, moments and UUIDs, which compare with all that there is.
const ARRAYS: [u32; 6] = [1009, 1016, 1022, 1182, 1185, 2951];

impl Session {
    /// What is known of a statement, found out now if it was not before.
    pub(super) async fn described(&mut self, name: &str) -> Result<Described, Stop> {
        let prepared = self.find_prepared(name)?;
        if let Some(described) = &prepared.described {
            return Ok(described.clone());
        }
        let plan = Arc::clone(&prepared.plan);
        let mut types = prepared.given.clone();
        types.resize(prepared.parameters(), 0);
        let conforming = self.settings.is_on("standard_conforming_strings");
        for (number, name) in cast_types(&plan.source, conforming) {
            if let Some(oid) = types.get_mut(usize::from(number).wrapping_sub(1)).filter(|oid| **oid == 0) {
                *oid = oid_of_name(&name);
            }
        }
        for &(number, known) in &plan.parameter_types {
            if let Some(oid) = types.get_mut(usize::from(number).wrapping_sub(1)).filter(|oid| **oid == 0) {
                *oid = known;
            }
        }
        let mut arrays: Vec<usize> =
            array_parameters(&plan.source, conforming).into_iter().map(|number| usize::from(number) - 1).collect();
        arrays.retain(|&index| types.get(index) == Some(&0));
        let described = match arrays.is_empty() {
            true => self.look_at(plan, types).await?,
            false => self.look_at_arrays(plan, types, &arrays).await?,
        };
        if let Some(prepared) = self.prepared.get_mut(name) {
            prepared.described = Some(described.clone());
        }
        Ok(described)
    }

    /// As [`Session::look_at`], with parameters that are arrays of whatever DuckDB compares the elements with.
    async fn look_at_arrays(&mut self, plan: Arc<Plan>, types: Vec<u32>, arrays: &[usize]) -> Result<Described, Stop> {
        let mut first = None;
        for array in ARRAYS {
            let mut types = types.clone();
            arrays.iter().for_each(|&index| types[index] = array);
            match self.look_at(Arc::clone(&plan), types).await {
                Err(Stop::Failed(error)) => drop(first.get_or_insert(error)),
                other => return other,
            }
        }
        Err(first
            .map_or_else(|| PgError::new("42P18", "could not determine data type of a parameter").into(), Stop::Failed))
    }

    /// Asks DuckDB for types and columns.
    async fn look_at(&mut self, plan: Arc<Plan>, mut types: Vec<u32>) -> Result<Described, Stop> {
        if !is_sent(&plan) {
            types.iter_mut().filter(|oid| **oid == 0).for_each(|oid| *oid = TEXT);
            return Ok(Described { types, rows: None, plan });
        }
        let bounds = self.bounds();
        let given = with_casts(&plan, &types);
        let first = self.ask(&plan, given.as_deref().unwrap_or(&plan.sql), &bounds).await?;
        let mut unknown = false;
        for (oid, place) in types.iter_mut().zip(1..) {
            if *oid == 0 {
                let name = format!("parameter_{place}");
                let field = first.parameters.fields().iter().find(|field| *field.name() == name);
                match field.filter(|field| *field.data_type() != DataType::Null) {
                    Some(field) => *oid = PgType::from_field(field).oid(),
                    None => (*oid, unknown) = (TEXT, true),
                }
            }
        }
        let needs_rows = first.rows.is_none() && returns_rows(&plan.command);
        if !unknown && !needs_rows {
            // The text that was looked at is the one that runs: it is prepared already.
            let plan = given.map_or_else(|| Arc::clone(&plan), |sql| Arc::new(plan.with_sql(sql)));
            return Ok(Described { types, rows: first.rows, plan });
        }
        let plan = match with_casts(&plan, &types) {
            Some(cast) => Arc::new(plan.with_sql(cast)),
            None => plan,
        };
        let mut rows = self.ask(&plan, &plan.sql, &bounds).await?.rows;
        if rows.is_none() && plan.command == Command::Select {
            rows = Some(self.columns_with_nulls(&plan, &types, &bounds).await?);
        }
        Ok(Described { types, rows, plan })
    }

    /// The columns of a query whose types DuckDB tells only once values are bound: nulls are, and no row is asked for.
    async fn columns_with_nulls(&mut self, plan: &Plan, types: &[u32], bounds: &Bounds) -> Result<SchemaRef, Stop> {
        let nulls =
            decode::parameters(types, &[], &vec![None; types.len()], &self.settings.text).map_err(PgError::from)?;
        let sql = format!("SELECT * FROM ({}) AS described LIMIT 0", plan.sql);
        match watched(&mut self.stream, bounds, self.flight.run(&sql, Some(&nulls))).await?.map_err(failed(plan))? {
            Outcome::Rows(rows) => Ok(plan.told(rows.schema)),
            Outcome::Changed(_) => Err(PgError::new("XX000", "a query gave no rows").into()),
        }
    }

    pub(super) async fn ask(
        &mut self,
        plan: &Plan,
        sql: &str,
        bounds: &Bounds,
    ) -> Result<crate::flight::Description, Stop> {
        let asked = watched(&mut self.stream, bounds, self.flight.describe(sql)).await?;
        let mut description = asked.map_err(failed(plan))?;
        description.rows = match plan.bare {
            true => Some(Arc::new(Schema::empty())),
            false => description.rows.map(|rows| plan.told(rows)),
        };
        Ok(description)
    }
}

/// Whether the statement goes to DuckDB as it is.
pub(super) fn is_sent(plan: &Plan) -> bool {
    match plan.command {
        Command::Select
        | Command::Insert
        | Command::Update
        | Command::Delete
        | Command::Merge
        | Command::CreateTableAs
        | Command::Other => true,
        Command::Definition(_) => !plan.ignored && plan.parameters > 0,
        _ => false,
    }
}

/// Whether such a statement gives rows even when DuckDB cannot say which yet.
pub(super) fn returns_rows(command: &Command) -> bool {
    matches!(
        command,
        Command::Select | Command::Show(_) | Command::Explain { .. } | Command::Fetch { is_move: false, .. }
    )
}

/// The statement with casts for parameters of known type; `None` where there is nothing to cast.
fn with_casts(plan: &Plan, types: &[u32]) -> Option<String> {
    let mut sql = String::with_capacity(plan.sql.len() + 32);
    let mut at = 0;
    for (range, number) in parameter_places(&plan.sql) {
        let oid = usize::from(number).checked_sub(1).and_then(|index| types.get(index)).copied().unwrap_or(0);
        let Some(name) = duckdb_type(oid) else { continue };
        sql.push_str(&plan.sql[at..range.start]);
        sql.push_str(&format!("CAST(${number} AS {name})"));
        at = range.end;
    }
    if at == 0 {
        return None;
    }
    sql.push_str(&plan.sql[at..]);
    Some(sql)
}

/// The DuckDB type of values with this OID, where a cast to it makes a parameter's type clear.
fn duckdb_type(oid: u32) -> Option<&'static str> {
    Some(match oid {
        16 => "BOOLEAN",
        17 => "BLOB",
        20 | 26 => "BIGINT",
        21 => "SMALLINT",
        23 => "INTEGER",
        25 | 18 | 19 | 1042 | 1043 | 705 => "VARCHAR",
        114 | 3802 => "JSON",
        700 => "FLOAT",
        701 => "DOUBLE",
        1082 => "DATE",
        1083 => "TIME",
        1114 => "TIMESTAMP",
        1184 => "TIMESTAMPTZ",
        1186 => "INTERVAL",
        1266 => "TIMETZ",
        2950 => "UUID",
        1000 => "BOOLEAN[]",
        1005 => "SMALLINT[]",
        1007 => "INTEGER[]",
        1016 => "BIGINT[]",
        1009 | 1015 => "VARCHAR[]",
        1021 => "FLOAT[]",
        1022 => "DOUBLE[]",
        1115 => "TIMESTAMP[]",
        1182 => "DATE[]",
        2951 => "UUID[]",
        _ => return None,
    })
}
