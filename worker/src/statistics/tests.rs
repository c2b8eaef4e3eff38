use std::path::Path;

use tavana_wire::statistics::{Argument, ArgumentValue, TableFunction};
use tempfile::TempDir;

use super::*;
use crate::engine::{Instance, InstanceConfig};

type Found = (RelationStatistics, Option<Failure>);

fn name(parts: &[&str]) -> Relation {
    let parts = parts.iter().map(|&part| part.to_owned()).collect();
    Relation { reference: Some(Reference::Name(TableName { parts })) }
}

fn call(function: &str, file: &str) -> Relation {
    let arguments = vec![Argument { name: String::new(), value: Some(ArgumentValue::Text(file.to_owned())) }];
    Relation { reference: Some(Reference::Call(TableFunction { function: function.to_owned(), arguments })) }
}

fn survey(connection: &Connection, until: Option<Instant>, asked: Vec<Relation>) -> Vec<Found> {
    let policy = Policy { trusted: false, endpoints: Vec::new(), given: Vec::new(), lakes: Vec::new() };
    let path = resolve::search_path(connection).unwrap();
    let survey = Survey { own: connection, files: connection, policy: &policy, role: Role::Reader, until, path };
    survey.answer(asked).unwrap()
}

fn open(extensions: Vec<std::path::PathBuf>, statements: &[&str]) -> (Connection, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::open(&InstanceConfig { extensions, ..InstanceConfig::default() }).unwrap();
    let connection = instance.connect().unwrap();
    for statement in statements {
        let statement = statement.replace("FOLDER", folder.path().to_str().unwrap());
        connection.execute(&statement).unwrap();
    }
    (connection, folder)
}

fn column<'a>(found: &'a RelationStatistics, name: &str) -> &'a tavana_wire::statistics::ColumnStatistics {
    found.columns.iter().find(|column| column.name == name).unwrap()
}

#[test]
fn each_relation_is_answered_whatever_the_others_come_to() {
    let (connection, folder) = open(
        vec![],
        &[
            "CREATE TABLE t AS SELECT range i, NULL::INT n, 'x' || range s FROM range(1000)",
            "COPY t TO 'FOLDER/t.parquet'",
            "CREATE VIEW v AS WITH t AS (SELECT 1) SELECT a.i FROM memory.t a, 'FOLDER/t.parquet' b, t c",
            // Macros of the user's are not what is called.
            "CREATE MACRO lower(x) AS error('run')",
            "CREATE MACRO read_parquet(x) AS TABLE SELECT error('run')",
        ],
    );
    let file = folder.path().join("t.parquet").display().to_string();
    let found = survey(
        &connection,
        None,
        vec![
            name(&["T"]),
            name(&["missing"]),
            call("query", "from t"),
            call("read_parquet", &file),
            name(&["v"]),
            name(&["t"]),
        ],
    );
    let kinds: Vec<RelationKind> = found.iter().map(|(found, _)| found.kind()).collect();
    use RelationKind::{Parquet, Table, Unknown, View};
    assert_eq!(kinds, [Table, Unknown, Unknown, Parquet, View, Table, Table, Parquet]);
    let failures: Vec<_> = found.iter().map(|(_, failure)| failure.as_ref().map(|failure| failure.kind)).collect();
    let expected =
        [None, Some(FailureKind::NotFound), Some(FailureKind::PermissionDenied), None, None, None, None, None];
    assert_eq!(failures, expected);

    let (table, files, view) = (&found[0].0, &found[3].0, &found[4].0);
    assert_eq!(table.name, ["memory", "main", "t"]);
    assert_eq!((table.rows, files.rows, files.has_exact_rows), (Some(1000), Some(1000), true));
    for found in [table, files] {
        assert_eq!(column(found, "i").min.as_deref().zip(column(found, "i").max.as_deref()), Some(("0", "999")));
        assert_eq!(column(found, "n").null_count, Some(1000));
        assert_eq!(column(found, "s").null_count, Some(0));
        assert!(!found.schema.is_empty());
    }
    assert!(view.definition.starts_with("WITH t AS"), "{}", view.definition);
    assert_eq!(view.reads, [6, 7]);
}

#[test]
fn what_there_is_no_time_for_says_so() {
    let (connection, _folder) = open(vec![], &["CREATE TABLE t (i INT)"]);
    let found = survey(&connection, Some(Instant::now()), vec![name(&["t"])]);
    assert_eq!(found[0].0.kind(), RelationKind::Unknown);
    assert!(found[0].0.because[0].contains("no time"), "{:?}", found[0].0.because);
}

#[test]
fn views_of_views_are_looked_at_once() {
    let (connection, _folder) = open(
        vec![],
        &[
            "CREATE TABLE t (i INT)",
            "CREATE VIEW a AS FROM t",
            "CREATE VIEW b(x, y) AS SELECT a.i, t.i FROM a JOIN t USING (i)",
        ],
    );
    let found = survey(&connection, None, vec![name(&["b"])]);
    let reads: Vec<_> = found.iter().map(|(found, _)| (found.name[2].as_str(), found.reads.clone())).collect();
    assert_eq!(reads, [("b", vec![1, 2]), ("a", vec![2]), ("t", vec![])]);
}

#[test]
fn text_is_estimated_by_its_first_rows() {
    for (format, function) in [("csv", "read_csv"), ("json", "read_json")] {
        let (connection, folder) = open(
            vec![],
            &[
                &format!("COPY (SELECT range i, 'name' || range s FROM range(100000)) TO 'FOLDER/t.{format}'"),
                &format!("COPY (SELECT 1 AS i) TO 'FOLDER/small.{format}'"),
            ],
        );
        let file = |name: &str| folder.path().join(format!("{name}.{format}")).display().to_string();
        let found = survey(&connection, None, vec![call(function, &file("t")), name(&[&file("small")])]);
        let (large, small) = (&found[0].0, &found[1].0);
        let rows = large.rows.unwrap();
        assert!((60_000..180_000).contains(&rows) && !large.has_exact_rows, "{format}: {rows}");
        assert_eq!(large.stored_bytes, large.files[0].bytes);
        assert_eq!((small.rows, small.has_exact_rows), (Some(1), true));
        assert!(column(large, "s").average_bytes.is_some());
    }
}

#[test]
fn a_lake_tells_by_its_metadata() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.deps/duckdb/extensions/ducklake.duckdb_extension");
    if !file.exists() {
        return;
    }
    let (connection, _folder) = open(
        vec![file],
        &[
            "ATTACH 'ducklake:FOLDER/meta.duckdb' AS lake (DATA_PATH 'FOLDER/data')",
            "USE lake",
            "CREATE TABLE t (i BIGINT, k INT)",
            "ALTER TABLE t SET PARTITIONED BY (k)",
            "INSERT INTO t SELECT range, range % 2 FROM range(1000)",
            "INSERT INTO t SELECT range + 1000, 0 FROM range(500)",
            "DROP TABLE IF EXISTS u",
        ],
    );
    let found = survey(&connection, None, vec![name(&["t"])]).remove(0);
    assert_eq!(found.1, None);
    let found = found.0;
    assert_eq!((found.kind(), found.rows, found.file_count), (RelationKind::Ducklake, Some(1500), 3));
    let i = column(&found, "i");
    assert_eq!((i.min.as_deref(), i.max.as_deref(), i.null_count), (Some("0"), Some("1499"), Some(0)));
    let mut partitions: Vec<_> =
        found.files.iter().map(|file| (file.partitions[0].value.clone().unwrap(), file.rows.unwrap())).collect();
    partitions.sort();
    let part = |value: &str, rows| (value.to_owned(), rows);
    assert_eq!(partitions, [part("0", 500), part("0", 500), part("1", 500)]);
    assert_eq!(found.stored_bytes, Some(found.files.iter().filter_map(|file| file.bytes).sum()));
}

#[test]
fn a_table_tells_the_blocks_of_its_columns() {
    let (connection, _folder) = open(
        vec![],
        &[
            "ATTACH 'FOLDER/d.duckdb' AS d",
            "CREATE TABLE d.t (i BIGINT PRIMARY KEY, s VARCHAR, l INT[])",
            "INSERT INTO d.t SELECT range, md5(range::VARCHAR), [range] FROM range(300000)",
            "CHECKPOINT d",
            "CREATE TABLE m AS SELECT * FROM d.t",
        ],
    );
    let found = survey(&connection, None, vec![name(&["d", "t"]), name(&["m"])]);
    let (stored, in_memory) = (&found[0].0, &found[1].0);
    assert_eq!((stored.indexes, in_memory.indexes), (1, 0));
    assert!(stored.block_bytes > 0);
    let [file] = stored.files.as_slice() else { panic!("{:?}", stored.files) };
    // 300,000 rows are three row groups.
    assert_eq!(file.row_groups.iter().map(|group| group.rows).sum::<u64>(), 300_000);
    assert_eq!(file.row_groups.len(), 3);
    let of = |columns: &[tavana_wire::statistics::ColumnStatistics], name: &str| {
        columns.iter().find(|column| column.name == name).cloned().unwrap()
    };
    let first = of(&file.row_groups[0].columns, "i");
    assert_eq!(first.min.as_deref().zip(first.max.as_deref()), Some(("0", "122879")));
    assert_eq!(of(&file.row_groups[0].columns, "l").min, None);
    // A column is in all blocks that its row groups are in, and texts of 32 random letters are in many.
    let (numbers, texts) = (of(&file.columns, "i"), of(&file.columns, "s"));
    assert!(texts.blocks.len() > numbers.blocks.len() && texts.blocks.len() as u64 * stored.block_bytes > 5_000_000);
    let all: std::collections::BTreeSet<u32> = file.columns.iter().flat_map(|column| column.blocks.clone()).collect();
    assert_eq!(stored.stored_bytes, Some(all.len() as u64 * stored.block_bytes));
    assert!(in_memory.files.is_empty() && in_memory.block_bytes == 0 && in_memory.stored_bytes > Some(5_000_000));
}
