//! Arrays that are written as text into columns of arrays.

use arrow::datatypes::DataType;

use super::plan::Plan;
use super::run::{Bounds, watched};
use super::{Session, Stop};
use crate::message::Status;
use crate::translate::{Command, arrays};

impl Session {
    /// An INSERT of constants that could be arrays, with those in the form of DuckDB's that go into columns of arrays. Only
    /// for such a statement are the columns asked for.
    pub(super) async fn with_arrays(&mut self, plan: Plan, bounds: &Bounds) -> Result<Plan, Stop> {
        let may_be =
            plan.command == Command::Insert && self.status != Status::Failed && self.settings.is_on("tavana.translate");
        let Some(found) = may_be.then(|| arrays(&plan.sql)).flatten() else { return Ok(plan) };
        let told = watched(&mut self.stream, bounds, self.flight.describe(&found.columns)).await?;
        // What is wrong with the table or its columns is told when the statement runs.
        let Some(schema) = told.ok().and_then(|description| description.rows) else { return Ok(plan) };
        let (mut sql, mut at) = (String::with_capacity(plan.sql.len() + 64), 0);
        for (column, range, list) in found.constants {
            let field = schema.fields().get(column);
            if field.is_some_and(|field| matches!(field.data_type(), DataType::List(_) | DataType::FixedSizeList(..))) {
                sql.push_str(&plan.sql[at..range.start]);
                sql.push_str(&list);
                at = range.end;
            }
        }
        if at == 0 {
            return Ok(plan);
        }
        sql.push_str(&plan.sql[at..]);
        Ok(plan.with_sql(sql))
    }
}
