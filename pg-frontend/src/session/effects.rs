//! What a statement does beside giving rows: the settings of `set_config`, and signals to other sessions.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};

use super::plan::Plan;
use super::portal::{Feed, Gateway, Source};
use super::run::{Bounds, failed, watched};
use super::{Session, Stop};
use crate::encode::Format;
use crate::error::PgError;
use crate::flight::Rows;
use crate::message::Status;
use crate::translate::{Argument, Signal};

impl Session {
    /// Makes the settings of a statement's calls of `set_config`, before it runs.
    pub(super) async fn make_configs(&mut self, plan: &Plan, parameters: Option<&RecordBatch>) -> Result<(), Stop> {
        for config in &plan.effects.configs {
            let (Some(name), value) = (argument(&config.name, parameters), argument(&config.value, parameters)) else {
                return Err(PgError::new("22004", "null value cannot be assigned to SET parameter name").into());
            };
            // Outside of a transaction it would hold for this very statement.
            if config.local && self.status == Status::Idle {
                continue;
            }
            let before = self.settings.clone();
            self.settings.set(&name, value.as_deref(), config.local)?;
            self.apply_settings(before).await?;
        }
        Ok(())
    }

    /// Signals the sessions whose numbers `rows` give; the rows then say whether each was there.
    pub(super) async fn send_signals(
        &mut self,
        plan: &Plan,
        signal: Signal,
        mut rows: Rows,
        formats: &[Format],
        bounds: &Bounds,
    ) -> Result<Option<Source>, Stop> {
        let schema = signalled(&rows.schema);
        let mut told = VecDeque::new();
        while let Some(batch) = watched(&mut self.stream, bounds, rows.next()).await?.map_err(failed(plan))? {
            let numbers = numbers(batch.column(0))?;
            let mut sent = Vec::with_capacity(numbers.len());
            for number in numbers {
                sent.push(number.map(|number| self.signal(signal, number)).transpose()?);
            }
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(BooleanArray::from(sent))]);
            told.push_back(batch.map_err(|error| PgError::new("XX000", error.to_string()))?);
        }
        let gateway = Gateway::over(Feed::Kept(told), schema, formats, self.settings.text.clone());
        Ok(gateway.map(|gateway| Source::Gateway(Box::new(gateway))))
    }

    /// Signals one session; says whether it is there.
    fn signal(&mut self, signal: Signal, number: i64) -> Result<bool, PgError> {
        let process = u32::try_from(number).ok();
        match process.and_then(|process| self.presence.may_signal(process)) {
            Some(true) => Ok(process.is_some_and(|process| self.cancel.signal(process, signal))),
            Some(false) => {
                let what = match signal {
                    Signal::Cancel => "query is being canceled",
                    Signal::Terminate => "process is being terminated",
                };
                Err(PgError::new("42501", format!("must be a member of the role whose {what} or an administrator")))
            }
            None => {
                let message = format!("PID {number} is not a PostgreSQL server process");
                self.stream.reply.error(&PgError::warning("01000", message));
                Ok(false)
            }
        }
    }
}

/// The columns that a client is told instead of those of numbers.
pub(super) fn signalled(numbers: &Schema) -> SchemaRef {
    let name = numbers.fields().first().map_or("", |field| field.name());
    Arc::new(Schema::new(vec![Field::new(name, DataType::Boolean, true)]))
}

fn numbers(column: &ArrayRef) -> Result<Vec<Option<i64>>, PgError> {
    match column.data_type() {
        DataType::Int32 => Ok(column.as_primitive::<Int32Type>().iter().map(|number| number.map(i64::from)).collect()),
        DataType::Int64 => Ok(column.as_primitive::<Int64Type>().iter().collect()),
        _ => Err(PgError::new("42883", "the number of a session is an integer")),
    }
}

/// The value of an argument; none for NULL.
fn argument(argument: &Argument, parameters: Option<&RecordBatch>) -> Option<String> {
    match argument {
        Argument::Text(text) => Some(text.clone()),
        Argument::Parameter(number) => {
            let column = parameters?.columns().get(usize::from(*number).checked_sub(1)?)?;
            let texts = column.as_string_opt::<i32>()?;
            texts.is_valid(0).then(|| texts.value(0).to_owned())
        }
    }
}
