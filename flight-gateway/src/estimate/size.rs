//! A plan's size, and how it is told.

use tavana_wire::estimate::{Estimate, EstimateSource, VERSION};

use super::known::Known;
use super::memory::{Kind, Operator, peak_bytes};
use super::operators::{Walk, bytes_text};
use super::relations::Parsed;
use super::tables::Table;
use super::writes::Sink;
use super::{EXPLAINED, Expectation, Fingerprint, PLANNED, UNSURE, explain, planner};

/// Sentences that are told of a statement.
const MAX_SENTENCES: usize = 12;
/// The part of the rows that waits for a Parquet file while others of them are written.
const PIECES_PART: f64 = 0.6;
/// Rows that are changed together: of each vector that one of them is in DuckDB keeps how all were.
const VECTOR: f64 = 2048.0;
/// Bytes of the number of a changed row.
const ROW_NUMBER: f64 = 4.0;
/// A changed value is there as it was and as it is.
const VERSIONS: f64 = 2.0;
/// Bytes that tell of a deleted row.
const DELETED: f64 = 2.0;
/// Bytes of a key in an index.
const KEY: f64 = 20.0;
/// Runs after which earlier ones are as sure as they get, but for a half.
const RUNS_HALF: f64 = 1.0;

/// How big a statement is, wherever that comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Size {
    pub(super) scan_bytes: Option<u64>,
    pub(super) rows: Option<u64>,
    pub(super) output_bytes: Option<u64>,
    pub(super) peak_memory_bytes: u64,
    pub(super) confidence: f64,
    pub(super) source: EstimateSource,
    pub(super) because: Vec<String>,
    /// A key of what it reads.
    pub(super) files: Option<u64>,
}

/// The size of statements by their plans: that of the biggest.
pub(super) fn planned(statements: Vec<Parsed>, known: &[Option<Known>], threads: f64) -> Result<Size, String> {
    let mut first = 0;
    let mut biggest: Option<Size> = None;
    for statement in statements {
        let places = &known[first..first + statement.places.len()];
        first += statement.places.len();
        let size = statement_size(statement, places, first - places.len(), threads)?;
        if biggest.as_ref().is_none_or(|biggest| size.peak_memory_bytes > biggest.peak_memory_bytes) {
            biggest = Some(size);
        }
    }
    biggest.ok_or_else(|| "there is no statement in it".to_owned())
}

fn statement_size(statement: Parsed, places: &[Option<Known>], first: usize, threads: f64) -> Result<Size, String> {
    let Some(query) = statement.query else {
        let empty = Operator::new(Kind::Stream, 0.0, 0.0, Vec::new());
        let because = vec!["it changes what is defined, and reads no rows".to_owned()];
        let peak_memory_bytes = peak_bytes(&empty, threads);
        let (confidence, source) = (UNSURE, EstimateSource::Planned);
        return Ok(Size { peak_memory_bytes, confidence, source, because, ..Size::default() });
    };
    let (read, target) = match statement.target {
        Some(at) => (&places[..at], places.get(at).and_then(|place| place.as_ref()?.table.clone())),
        None => (places, None),
    };
    if let Some(reason) = unreadable(read) {
        return Err(reason);
    }
    let plan = planner::plan(query, read, first).map_err(|error| {
        // Words of the planner can hold names and literals of the statement, which are the caller's own; paths are not among them.
        tracing::debug!(%error, "a statement could not be planned");
        "the planner cannot plan it".to_owned()
    })?;
    let mut walk = Walk::default();
    let step = walk.step(&plan);
    let (rows, width) = (step.operator.rows, arrow_width(&step.columns));
    let written = written(step.operator, width, &statement.sink, target.as_deref());
    let peak_memory_bytes = peak_bytes(&written, threads);
    let to_client = statement.sink == Sink::Client;
    let mut because: Vec<String> = walk.scans.values().map(|note| note.text.clone()).collect();
    because.extend(largest(&written));
    because.truncate(MAX_SENTENCES);
    because.extend(walk.unknown.iter().map(|what| format!("not known: {what}")));
    let scanned = walk.scanned_bytes();
    Ok(Size {
        scan_bytes: Some(scanned as u64),
        rows: Some(if to_client { rows.round() } else { 1.0 } as u64),
        output_bytes: Some(if to_client { rows * width } else { 8.0 } as u64),
        peak_memory_bytes,
        confidence: if walk.unknown.is_empty() { PLANNED } else { UNSURE },
        source: EstimateSource::Planned,
        because,
        files: None,
    })
}

/// A plan with what becomes of its rows.
fn written(query: Operator, width: f64, sink: &Sink, target: Option<&Table>) -> Operator {
    let (rows, width) = (query.rows, width.max(8.0));
    let indexes = target.map_or(0.0, |table| table.told.indexes as f64);
    let all = target.map_or(rows, |table| table.rows);
    let sink_of = |kind, input| Operator::new(kind, rows, width, vec![input]);
    match sink {
        Sink::Client | Sink::Nothing => query,
        Sink::Temporary => Operator::new(Kind::Keep, rows, query.width.max(8.0), vec![query]),
        Sink::Pieces => sink_of(Kind::Copy { part: PIECES_PART }, query),
        Sink::Lines => sink_of(Kind::Copy { part: 1.0 }, query),
        Sink::Table => {
            let filled = sink_of(Kind::Fill, query);
            sink_of(Kind::Change { undo_bytes: indexes * (rows + all.min(rows * VECTOR)) * KEY }, filled)
        }
        Sink::Delete => sink_of(Kind::Change { undo_bytes: rows * (DELETED + indexes * KEY) }, query),
        Sink::Update { columns, brings_rows } => {
            let touched = all.min(rows * VECTOR);
            let undo = touched * (values_width(columns, target) + ROW_NUMBER * columns.len() as f64) * VERSIONS;
            // New texts lie beside their rows.
            let texts = rows * (width - 16.0).max(0.0) * VERSIONS;
            let keys = indexes * (if *brings_rows { touched + rows } else { 0.0 }) * KEY;
            let filled = if *brings_rows { sink_of(Kind::Fill, query) } else { query };
            sink_of(Kind::Change { undo_bytes: undo + texts + keys }, filled)
        }
    }
}

/// Bytes of values of these columns in a row.
fn values_width(columns: &[String], target: Option<&Table>) -> f64 {
    let width = |name: &String| {
        let at = target?.schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name))?;
        Some(target?.columns.get(at)?.width.min(16.0))
    };
    columns.iter().map(|name| width(name).unwrap_or(16.0)).sum()
}

/// Why nothing can be planned on what is known of the relations.
fn unreadable(places: &[Option<Known>]) -> Option<String> {
    let missing = places.iter().filter(|place| place.as_ref().is_none_or(|known| known.table.is_none())).count();
    (missing > 0).then(|| format!("{missing} of {} relations are not known", places.len()))
}

/// Rows as Arrow have no 16 bytes of their own for each text.
fn arrow_width(columns: &[super::tables::Column]) -> f64 {
    columns.iter().map(|column| if column.width > 16.0 { column.width - 12.0 } else { column.width }).sum()
}

/// The operators that keep the most rows, as sentences.
fn largest(plan: &Operator) -> Vec<String> {
    fn gather(operator: &Operator, found: &mut Vec<(f64, String)>) {
        let input = operator.inputs.first();
        let told = match operator.kind {
            Kind::HashJoin { build_width } => {
                operator.inputs.get(1).map(|build| ("a join keeps", build.rows, build_width))
            }
            Kind::LoopJoin => {
                operator.inputs.get(1).map(|build| ("a join without an equality keeps", build.rows, build.width))
            }
            Kind::Group { row_bytes, .. } => Some(("groups are", operator.rows, row_bytes)),
            Kind::Sort => Some(("a sort keeps", operator.rows, operator.width)),
            Kind::Window => Some(("a window keeps", operator.rows, operator.width)),
            Kind::Keep => input.map(|input| ("kept are", input.rows, input.width)),
            Kind::Change { undo_bytes } if undo_bytes > 0.0 => {
                Some(("what changes is kept for", operator.rows, undo_bytes / operator.rows.max(1.0)))
            }
            Kind::Copy { part } => Some(("waiting to be written are up to", operator.rows * part, operator.width)),
            Kind::Scan { .. } | Kind::Stream | Kind::Top | Kind::Union | Kind::Fill | Kind::Change { .. } => None,
        };
        if let Some((what, rows, width)) = told {
            let size = bytes_text(rows * width);
            found.push((rows * width, format!("{what} {} rows of {width:.0} bytes, {size}", count_text(rows))));
        }
        operator.inputs.iter().for_each(|input| gather(input, found));
    }
    let mut found = Vec::new();
    gather(plan, &mut found);
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().filter(|(bytes, _)| *bytes > 1e6).take(3).map(|(_, text)| text).collect()
}

fn count_text(rows: f64) -> String {
    match rows {
        rows if rows >= 1e9 => format!("{:.1} G", rows / 1e9),
        rows if rows >= 1e6 => format!("{:.1} M", rows / 1e6),
        rows if rows >= 1e3 => format!("{:.1} k", rows / 1e3),
        rows => format!("{rows:.0}"),
    }
}

/// The size by DuckDB's plan.
pub(super) fn explained(text: &str, threads: f64) -> Option<Size> {
    let plan = explain::operators(text)?;
    Some(Size {
        rows: Some(plan.rows as u64),
        output_bytes: Some((plan.rows * plan.width) as u64),
        peak_memory_bytes: peak_bytes(&plan, threads),
        confidence: EXPLAINED,
        source: EstimateSource::Explained,
        because: largest(&plan),
        scan_bytes: None,
        files: None,
    })
}

impl Size {
    /// The size as it is told.
    pub(super) fn told(self, source: EstimateSource, fingerprint: Fingerprint) -> Estimate {
        Estimate {
            version: VERSION,
            scan_bytes: self.scan_bytes,
            rows: self.rows,
            output_bytes: self.output_bytes,
            peak_memory_bytes: self.peak_memory_bytes,
            confidence: self.confidence,
            source: source.into(),
            because: self.because,
            fingerprint: fingerprint.0.to_vec(),
        }
    }

    /// The size with what earlier runs took: a measured peak counts more than any plan.
    pub(super) fn expected(
        mut self,
        expected: &Expectation,
        source: EstimateSource,
        fingerprint: Fingerprint,
    ) -> Estimate {
        let Some(peak) = expected.peak_memory_bytes else {
            // What was never alone has no peak; how many rows it gave is known all the same.
            if source == EstimateSource::Default {
                self.rows = expected.rows.or(self.rows);
                self.output_bytes = expected.output_bytes.or(self.output_bytes);
                self.scan_bytes = expected.scan_bytes.or(self.scan_bytes);
            }
            return self.told(source, fingerprint);
        };
        let runs = f64::from(expected.runs.max(1));
        let mut because =
            vec![format!("{} of its like took up to {}", runs_text(expected.runs), bytes_text(peak as f64))];
        if source != EstimateSource::Default {
            because.push(format!("its plan alone would have been {}", bytes_text(self.peak_memory_bytes as f64)));
            because.append(&mut self.because);
        }
        let size = Self {
            peak_memory_bytes: peak,
            rows: expected.rows.or(self.rows),
            output_bytes: expected.output_bytes.or(self.output_bytes),
            // Which files are read hangs on the literals, so the plan knows better.
            scan_bytes: self.scan_bytes.or(expected.scan_bytes),
            confidence: (runs / (runs + RUNS_HALF)).clamp(PLANNED, 0.98),
            because,
            ..self
        };
        size.told(EstimateSource::History, fingerprint)
    }
}

fn runs_text(runs: u32) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}
