//! Portals: statements that have their values, and the rows that are left of them.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::plan::Plan;
use crate::encode::{self, Format, PgType, RowEncoder, Scalar};
use crate::flight::Rows;
use crate::message::Column;

/// A portal, or a cursor, which is the same to SQL.
pub(super) struct Portal {
    pub(super) plan: Arc<Plan>,
    pub(super) parameters: Option<RecordBatch>,
    /// Formats as the client asked for them.
    pub(super) formats: Vec<Format>,
    pub(super) state: State,
    /// It outlives its transaction.
    pub(super) hold: bool,
    /// It may be moved backwards: its rows are kept.
    pub(super) scroll: bool,
    /// Rows that went out or were skipped.
    pub(super) position: u64,
}

/// How far a portal is.
pub(super) enum State {
    /// It has not run.
    Ready,
    /// Rows are left.
    Open(Source),
    /// It is done; running it again gives no rows.
    Done,
}

/// Rows, and how they are written.
pub(super) enum Source {
    /// Rows of the gateway.
    Gateway(Box<Gateway>),
    /// Rows of our own.
    Own(Own),
}

/// Rows of the gateway.
pub(super) struct Gateway {
    pub(super) rows: Feed,
    pub(super) encoder: RowEncoder,
    schema: SchemaRef,
    pub(super) columns: Vec<Column>,
    /// The batch under way, and the next row of it.
    pub(super) batch: Option<RecordBatch>,
    pub(super) at: usize,
}

/// Where batches come from.
pub(super) enum Feed {
    /// A statement that runs.
    Live(Rows),
    /// Batches that were read already.
    Kept(VecDeque<RecordBatch>),
}

/// A small table of texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    pub(super) columns: Vec<Column>,
    pub(super) rows: VecDeque<Vec<Option<String>>>,
}

impl Portal {
    pub(super) fn new(plan: Arc<Plan>, parameters: Option<RecordBatch>, formats: Vec<Format>) -> Self {
        let state = State::Ready;
        Self { plan, parameters, formats, state, hold: false, scroll: false, position: 0 }
    }
}

impl Source {
    /// Changes the formats of the rows to come; a wrong number of them changes nothing.
    pub(super) fn set_formats(&mut self, formats: &[Format], settings: &encode::Settings) {
        let Self::Gateway(gateway) = self else { return };
        let Some(formats) = Format::spread(formats, gateway.columns.len()) else { return };
        gateway.columns.iter_mut().zip(&formats).for_each(|(column, &format)| column.format = format);
        gateway.encoder = RowEncoder::new(gateway.schema.clone(), formats, settings.clone());
    }

    /// The columns, once the rows are there.
    pub(super) fn columns(&self) -> &[Column] {
        match self {
            Self::Gateway(gateway) => &gateway.columns,
            Self::Own(own) => &own.columns,
        }
    }
}

impl Gateway {
    /// Rows that come, in these formats; `None` when their number is not that of the columns.
    pub(super) fn new(rows: Rows, plan: &Plan, formats: &[Format], settings: encode::Settings) -> Option<Self> {
        let schema = plan.told(rows.schema.clone());
        Self::over(Feed::Live(rows), schema, formats, settings)
    }

    /// Batches of this schema, in these formats; `None` when their number is not that of the columns.
    pub(super) fn over(rows: Feed, schema: SchemaRef, formats: &[Format], settings: encode::Settings) -> Option<Self> {
        let columns = columns(&schema, formats)?;
        let formats = columns.iter().map(|column| column.format).collect();
        let encoder = RowEncoder::new(schema.clone(), formats, settings);
        Some(Self { rows, encoder, schema, columns, batch: None, at: 0 })
    }
}

impl Own {
    /// A table with text columns of these names.
    pub(super) fn new(names: &[&str]) -> Self {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            pg_type: PgType::scalar(Scalar::Text),
            format: Format::Text,
        };
        Self { columns: names.iter().map(column).collect(), rows: VecDeque::new() }
    }

    pub(super) fn push(&mut self, row: &[&str]) {
        self.rows.push_back(row.iter().map(|value| Some((*value).to_owned())).collect());
    }
}

/// The columns of a schema in the formats asked for; `None` when their number does not fit.
pub(super) fn columns(schema: &SchemaRef, formats: &[Format]) -> Option<Vec<Column>> {
    let formats = Format::spread(formats, schema.fields().len())?;
    let column = |(field, format): (&Arc<arrow::datatypes::Field>, Format)| Column {
        name: field.name().clone(),
        pg_type: PgType::from_field(field),
        format,
    };
    Some(schema.fields().iter().zip(formats).map(column).collect())
}
