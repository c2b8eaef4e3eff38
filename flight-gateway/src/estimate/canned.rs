//! Answers of a worker that is not there, for tests and fuzzing.

#![allow(clippy::unwrap_used, reason = "no part of a gateway")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Field, Schema};
use tavana_wire::statistics::{
    ColumnStatistics, FileStatistics, Reference, Relation, RelationKind, RelationStatistics, RowGroupStatistics,
    StatisticsAnswer, StatisticsRequest,
};
use tavana_wire::{Failure, FailureKind, Role, SessionState};

use super::{EstimateConfig, Knowledge};

pub(super) fn config(changes: &[&str]) -> EstimateConfig {
    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        estimate: EstimateConfig,
    }
    let arguments = ["program", "--estimated-threads", "2"].iter().chain(changes);
    <Program as clap::Parser>::parse_from(arguments).estimate
}

pub(super) fn session() -> SessionState {
    SessionState::new("ada", Role::User)
}

/// Answers of a worker by the last part of a relation's name.
#[derive(Clone, Default)]
pub(super) struct Canned {
    pub(super) answers: Arc<BTreeMap<String, StatisticsAnswer>>,
    pub(super) plan: Option<String>,
    pub(super) asked: Arc<AtomicUsize>,
    pub(super) is_silent: bool,
}

impl Knowledge for Canned {
    async fn statistics(&self, request: StatisticsRequest) -> Result<StatisticsAnswer, Failure> {
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        self.asked.fetch_add(request.relations.len(), Ordering::Relaxed);
        let name = |relation: &Relation| match &relation.reference {
            Some(Reference::Name(name)) => {
                let last = name.parts.last().map(String::as_str).unwrap_or_default();
                last.rsplit('/').next().unwrap_or(last).to_lowercase()
            }
            Some(Reference::Call(call)) => call.function.clone(),
            None => String::new(),
        };
        let (mut relations, mut below) = (Vec::new(), Vec::new());
        for relation in &request.relations {
            let mut answer = self.answers.get(&name(relation)).cloned().unwrap_or_default().relations.into_iter();
            let mut first = answer.next().unwrap_or_default();
            // What views read follows all that was asked for.
            let start = (request.relations.len() + below.len()) as u32;
            first.reads.iter_mut().for_each(|read| *read = *read - 1 + start);
            relations.push(first);
            below.extend(answer);
        }
        relations.extend(below);
        Ok(StatisticsAnswer { version: 1, relations })
    }

    async fn explain(&self, _: &str) -> Result<String, Failure> {
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        self.plan.clone().ok_or_else(|| Failure::new(FailureKind::Binding, "no plan"))
    }
}

pub(super) fn schema_bytes(fields: &[(&str, DataType)]) -> Vec<u8> {
    let schema =
        Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect::<Vec<_>>());
    let options = arrow::ipc::writer::IpcWriteOptions::default();
    let mut tracker = arrow::ipc::writer::DictionaryTracker::new(false);
    let generator = arrow::ipc::writer::IpcDataGenerator::default();
    let encoded = generator.schema_to_bytes_with_dictionary_tracker(&schema, &mut tracker, &options);
    let mut bytes = Vec::new();
    arrow::ipc::writer::write_message(&mut bytes, encoded, &options).unwrap();
    bytes
}

/// Ten files of two row groups of a million rows each, in order of `i`; `s` takes four times as much.
pub(super) fn events() -> RelationStatistics {
    let column = |name: &str, min: u64, max: u64, bytes: u64| ColumnStatistics {
        name: name.to_owned(),
        min: (name == "i").then(|| min.to_string()),
        max: (name == "i").then(|| max.to_string()),
        null_count: Some(0),
        compressed_bytes: Some(bytes),
        uncompressed_bytes: Some(bytes * 2),
        ..ColumnStatistics::default()
    };
    let columns = |from: u64, rows: u64| vec![column("i", from, from + rows - 1, rows), column("s", 0, 0, rows * 4)];
    let group = |at: u64| RowGroupStatistics { rows: 1_000_000, columns: columns(at * 1_000_000, 1_000_000) };
    let file = |at: u64| FileStatistics {
        name: format!("e/{at}.parquet"),
        bytes: Some(10_000_000),
        rows: Some(2_000_000),
        columns: columns(at * 2_000_000, 2_000_000),
        row_groups: vec![group(at * 2), group(at * 2 + 1)],
        ..FileStatistics::default()
    };
    RelationStatistics {
        kind: RelationKind::Parquet.into(),
        schema: schema_bytes(&[("i", DataType::Int64), ("s", DataType::Utf8)]),
        rows: Some(20_000_000),
        has_exact_rows: true,
        stored_bytes: Some(100_000_000),
        columns: columns(0, 20_000_000),
        files: (0..10).map(file).collect(),
        file_count: 10,
        ..RelationStatistics::default()
    }
}

pub(super) fn table(name: &str, rows: u64, distinct: u64) -> RelationStatistics {
    let column = |name: &str| ColumnStatistics {
        name: name.to_owned(),
        distinct_count: Some(distinct),
        ..ColumnStatistics::default()
    };
    RelationStatistics {
        kind: RelationKind::Table.into(),
        name: vec!["memory".to_owned(), "main".to_owned(), name.to_owned()],
        schema: schema_bytes(&[("i", DataType::Int64), ("j", DataType::Int64), ("s", DataType::Utf8)]),
        rows: Some(rows),
        stored_bytes: Some(rows * 24),
        columns: vec![column("i"), column("j"), column("s")],
        ..RelationStatistics::default()
    }
}

pub(super) fn canned() -> Canned {
    let one = |relation| StatisticsAnswer { version: 1, relations: vec![relation] };
    let view = RelationStatistics {
        kind: RelationKind::View.into(),
        name: vec!["memory".to_owned(), "main".to_owned(), "v".to_owned()],
        schema: schema_bytes(&[("i", DataType::Int64)]),
        definition: "SELECT i FROM big WHERE (i > 5)".to_owned(),
        reads: vec![1],
        ..RelationStatistics::default()
    };
    let answers = [
        ("events.parquet".to_owned(), one(events())),
        ("big".to_owned(), one(table("big", 10_000_000, 1_000_000))),
        ("small".to_owned(), one(table("small", 1000, 1000))),
        ("v".to_owned(), StatisticsAnswer { version: 1, relations: vec![view, table("big", 10_000_000, 1_000_000)] }),
    ];
    Canned { answers: Arc::new(answers.into()), ..Canned::default() }
}
