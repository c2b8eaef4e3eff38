//! The estimator as a whole, over canned answers of a worker.

mod bench;
mod faults;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use arrow::datatypes::DataType;
use proptest::prelude::*;
use tavana_wire::FailureKind;
use tavana_wire::statistics::{
    ColumnStatistics, FileStatistics, Reference, Relation, RelationKind, RelationStatistics, RowGroupStatistics,
    TableName,
};

use super::canned::{Canned, canned, config, events, schema_bytes, session, table};
use super::*;

async fn estimate(sql: &str) -> Estimate {
    Estimator::new(config(&["--estimate-budget-ms", "60000"])).estimate(sql, &session(), None, &canned()).await
}

#[tokio::test]
async fn columns_and_row_groups_that_are_not_needed_are_not_read() {
    async fn check(sql: &str, scan_bytes: u64, because: &str) {
        let told = estimate(sql).await;
        assert_eq!(told.source(), EstimateSource::Planned, "{sql}: {:?}", told.because);
        assert_eq!(told.scan_bytes, Some(scan_bytes), "{sql}: {:?}", told.because);
        assert!(told.because.iter().any(|reason| reason.contains(because)), "{sql}: {:?}", told.because);
    }
    check("from 'e/events.parquet'", 100_000_000, "reads 2 of 2 columns of 10 files, 95.4 MiB of 95.4 MiB").await;
    check("select max(i) from 'e/events.parquet'", 20_000_000, "1 of 2 columns of 10 files").await;
    check("select max(i) from 'e/events.parquet' where i < 500000", 1_000_000, "1 of 10 files").await;
    check("select s from 'e/events.parquet' where i between 1999999 and 2000000", 10_000_000, "2 of 10 files").await;
    check("select s from 'e/events.parquet' where i = 7000001 or i = 100", 10_000_000, "2 of 10 files").await;
    check("select s from 'e/events.parquet' where i in (1, 2)", 5_000_000, "1 of 10 files").await;
    check("select s from 'e/events.parquet' where i > 20000000", 0, "0 of 10 files").await;
    check("with e as (select max(i) m from 'e/events.parquet') from e a join e b on a.m = b.m", 20_000_000, "").await;
    check("insert into x select i from 'e/events.parquet'", 20_000_000, "").await;
    check("select s, pgc.sum_out(sum(i), i) as sum from 'e/events.parquet' group by s", 100_000_000, "").await;
}

#[tokio::test]
async fn blocks_of_a_table_are_read_once_whatever_is_in_them() {
    let column = |name: &str, at: u64, blocks: &[u32]| ColumnStatistics {
        name: name.to_owned(),
        min: (name == "i").then(|| (at * 1000).to_string()),
        max: (name == "i").then(|| (at * 1000 + 999).to_string()),
        blocks: blocks.to_vec(),
        ..ColumnStatistics::default()
    };
    let group = |at: u64, blocks: [&[u32]; 3]| RowGroupStatistics {
        rows: 1000,
        columns: ["i", "j", "s"].iter().zip(blocks).map(|(name, blocks)| column(name, at, blocks)).collect(),
    };
    let row_groups = vec![group(0, [&[0], &[0, 1], &[2, 3]]), group(1, [&[4], &[4, 1], &[5, 6, 7]])];
    let file = FileStatistics { rows: Some(2000), row_groups, ..FileStatistics::default() };
    let blocked = RelationStatistics {
        files: vec![file],
        block_bytes: 1000,
        stored_bytes: Some(8000),
        ..table("blocked", 2000, 100)
    };
    let answers = [("blocked".to_owned(), StatisticsAnswer { version: 1, relations: vec![blocked] })];
    let knowledge = Canned { answers: Arc::new(answers.into()), ..Canned::default() };
    let check = async |sql: &str, blocks: u64| {
        let estimator = Estimator::new(config(&["--estimate-budget-ms", "60000"]));
        let told = estimator.estimate(sql, &session(), None, &knowledge).await;
        assert_eq!(told.scan_bytes, Some(blocks * 1000), "{sql}: {:?}", told.because);
    };
    check("select i from blocked", 2).await;
    check("select i, j from blocked", 3).await;
    check("select * from blocked", 8).await;
    check("select s from blocked where i < 500", 3).await;
    check("select s from blocked where i > 5000", 0).await;
    check("select a.i, b.j from blocked a join blocked b on a.i = b.i", 3).await;
    check("delete from blocked where i between 1200 and 1300", 1).await;
}

#[tokio::test]
async fn what_is_written_is_kept() {
    let keyed = RelationStatistics { indexes: 1, ..table("keyed", 1_000_000, 1_000_000) };
    let mut answers = (*canned().answers).clone();
    answers.insert("keyed".to_owned(), StatisticsAnswer { version: 1, relations: vec![keyed] });
    let knowledge = Canned { answers: Arc::new(answers), ..canned() };
    let mib = async |sql: &str| {
        let estimator = Estimator::new(config(&["--estimate-budget-ms", "60000"]));
        let told = estimator.estimate(sql, &session(), None, &knowledge).await;
        assert_eq!(told.source(), EstimateSource::Planned, "{sql}: {:?}", told.because);
        told.peak_memory_bytes as f64 / (1 << 20) as f64
    };
    // A table is filled row group by row group, one that has no file is kept whole.
    let filled = mib("create table x as select * from big").await;
    assert!((10.0..60.0).contains(&filled), "{filled}");
    assert!(mib("create temp table x as select * from big").await > filled + 200.0);
    let inserted = mib("insert into small select * from big").await;
    assert!((inserted - filled).abs() < 10.0, "{inserted} {filled}");
    // Keys are in memory until all is written.
    assert!(mib("insert into keyed select * from big").await > inserted + 150.0);
    let updated = mib("update big set j = 1").await;
    assert!(updated > 200.0, "{updated}");
    assert!(mib("update big set j = 1, s = 'x'").await > updated + 200.0);
    // One row of a vector that is changed has all of it kept.
    assert!((mib("update big set j = 1 where i % 7 = 3").await - updated).abs() < updated * 0.1);
    assert!(mib("delete from big where j > 5").await < 60.0);
    let merge = "merge into big using small on big.i = small.i when matched then";
    assert!(mib(&format!("{merge} update set j = small.j, i = small.i")).await > updated * 0.2);
    assert!(mib(&format!("{merge} delete")).await < 60.0);
    let copied = mib("copy big to 'x.parquet'").await;
    assert!(copied > 200.0, "{copied}");
    assert!(mib("copy big to 'x.csv'").await > copied);
}

#[tokio::test]
async fn memory_follows_what_is_kept() {
    let mib = async |sql: &str| {
        let told = estimate(sql).await;
        assert_eq!(told.source(), EstimateSource::Planned, "{sql}: {:?}", told.because);
        told.peak_memory_bytes as f64 / (1 << 20) as f64
    };
    let scan = mib("select * from big").await;
    assert!(scan < 10.0, "{scan}");
    let sorted = mib("select * from big order by i").await;
    assert!(sorted > 300.0, "{sorted}");
    assert!(mib("select * from big order by i limit 10").await < 20.0);
    let joined = mib("select * from big join small using (i)").await;
    assert!(joined < 30.0, "{joined}");
    assert!((mib("select * from small join big using (i)").await - joined).abs() < 1.0);
    assert!(mib("select i, count(*) from big group by i").await > 30.0);
    assert!(mib("select count(*) from v where i > 10").await < 10.0);
    let lists = mib("select i, list(s) from big group by i").await;
    assert!(lists > mib("select i, count(s) from big group by i").await + 100.0);
    assert!(mib("select count(distinct j) from big").await > 20.0);
    assert!(mib("select unknown_function(i, 3), strange(s) from big").await < 10.0);
}

#[tokio::test]
async fn what_cannot_be_planned_falls_back() {
    async fn check(
        sql: &str,
        knowledge: &Canned,
        expected: Option<&Expectation>,
        source: EstimateSource,
        because: &str,
    ) {
        let estimator = Estimator::new(config(&["--estimate-budget-ms", "60000"]));
        let told = estimator.estimate(sql, &session(), expected, knowledge).await;
        assert_eq!(told.source(), source, "{sql}: {:?}", told.because);
        assert!(told.because.iter().any(|reason| reason.contains(because)), "{sql}: {:?}", told.because);
    }
    let plan = r#"[{"name": "ORDER_BY", "children": [{"name": "SEQ_SCAN", "children": [],
        "extra_info": {"Estimated Cardinality": "10000000"}}], "extra_info": {}}]"#;
    let explains = Canned { plan: Some(plan.to_owned()), ..canned() };
    let measured = Expectation { runs: 3, peak_memory_bytes: Some(77 << 20), ..Expectation::default() };
    let unmeasured = Expectation { runs: 3, rows: Some(5), ..Expectation::default() };
    check("from big select i where gibberish(", &explains, None, EstimateSource::Explained, "does not know its syntax")
        .await;
    check("select nothing from big", &explains, None, EstimateSource::Explained, "cannot plan it").await;
    check("select * from nowhere", &explains, None, EstimateSource::Explained, "1 of 1 relations").await;
    check("select * from nowhere", &canned(), None, EstimateSource::Default, "the default").await;
    check("select * from nowhere", &canned(), Some(&unmeasured), EstimateSource::Default, "the default").await;
    check("select * from big", &canned(), Some(&unmeasured), EstimateSource::Planned, "reads 3").await;
    check(
        "select * from big",
        &canned(),
        Some(&measured),
        EstimateSource::History,
        "3 runs of its like took up to 77.0 MiB",
    )
    .await;
    check("set x = 1", &canned(), None, EstimateSource::Planned, "touches no data").await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_never_answers_costs_the_budget_and_no_more() {
    let silent = Canned { is_silent: true, ..canned() };
    let estimator = Estimator::new(config(&[]));
    for sql in ["select * from big", "this is no ( sql"] {
        let begun = Instant::now();
        let told = estimator.estimate(sql, &session(), None, &silent).await;
        assert_eq!(told.source(), EstimateSource::Default);
        assert!(begun.elapsed() <= Duration::from_millis(250), "{:?}", begun.elapsed());
    }
    let long = format!("select {} from big", "1 + ".repeat(200_000));
    assert_eq!(estimator.estimate(&long, &session(), None, &canned()).await.source(), EstimateSource::Default);
}

#[tokio::test]
async fn statistics_are_asked_for_once_for_each_caller() {
    let knowledge = canned();
    let estimator = Estimator::new(config(&["--estimate-budget-ms", "60000"]));
    let mut other = session();
    let ask = async |sql: &str, session: &SessionState| {
        estimator.estimate(sql, session, None, &knowledge).await;
        knowledge.asked.load(Ordering::Relaxed)
    };
    assert_eq!(ask("select * from big", &session()).await, 1);
    assert_eq!(ask("select i from big a join big b using (i)", &session()).await, 1);
    assert_eq!(ask("select i from big join small using (i)", &session()).await, 2);
    other.principal = "bob".to_owned();
    assert_eq!(ask("select * from big", &other).await, 3);
    other.settings.insert("schema".to_owned(), "s".to_owned());
    assert_eq!(ask("select * from big", &other).await, 4);
}

fn relation(name: &str) -> Option<Relation> {
    Some(Relation { reference: Some(Reference::Name(TableName { parts: vec![name.to_owned()] })) })
}

#[tokio::test(start_paused = true)]
async fn stale_statistics_are_used_once_more_while_they_are_asked_for_again() {
    let knowledge = canned();
    let cache = Cache::new(1 << 20, Duration::from_secs(10), Duration::from_secs(100));
    let check = async |after: u64, asked: usize| {
        tokio::time::advance(Duration::from_secs(after)).await;
        let found = cache.look(Scope::of(&session()), &[relation("big")], &knowledge, Duration::from_secs(1)).await;
        assert!(found[0].as_ref().is_some_and(|known| known.table.is_some()));
        assert_eq!(knowledge.asked.load(Ordering::Relaxed), asked, "after {after} s");
        tokio::task::yield_now().await;
    };
    check(0, 1).await;
    check(9, 1).await;
    // Asked for behind the caller's back, which counts the next time.
    check(2, 1).await;
    check(1, 2).await;
    check(9, 2).await;
    check(200, 4).await;
}

#[tokio::test]
async fn statistics_too_large_to_be_kept_are_given_all_the_same() {
    let knowledge = canned();
    let cache = Cache::new(10, Duration::from_secs(10), Duration::from_secs(100));
    for asked in 1..3 {
        let found =
            cache.look(Scope::of(&session()), &[relation("big"), None], &knowledge, Duration::from_secs(1)).await;
        assert!(found[0].is_some() && found[1].is_none());
        assert_eq!(knowledge.asked.load(Ordering::Relaxed), asked);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nonsense_never_panics(
        sql in "(select|from|with|where|group by|join|on|order by|big|small|v|i|s|count|sum|[(),.*=<>'\"0-9]| )*",
        rows in any::<u64>(),
        bytes in any::<u64>(),
        average in any::<f64>(),
        plan in ".*",
    ) {
        let mut lying = events();
        lying.rows = Some(rows);
        lying.stored_bytes = Some(bytes);
        lying.file_count = rows;
        for column in &mut lying.columns {
            column.average_bytes = Some(average);
            column.null_count = Some(bytes);
            column.distinct_count = Some(rows);
        }
        for group in lying.files.iter_mut().flat_map(|file| &mut file.row_groups) {
            group.rows = rows;
            group.columns.iter_mut().for_each(|column| column.compressed_bytes = Some(bytes));
        }
        let answer = StatisticsAnswer { version: 1, relations: vec![lying] };
        let answers = ["big", "small", "v"].map(|name| (name.to_owned(), answer.clone()));
        let knowledge = Canned { answers: Arc::new(answers.into()), plan: Some(plan), ..Canned::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let estimator = Estimator::new(config(&["--estimate-budget-ms", "60000"]));
            for sql in [sql.as_str(), "select s, count(*) from big a join small b using (i) group by s order by s"] {
                let told = estimator.estimate(sql, &session(), None, &knowledge).await;
                assert!(told.because.iter().all(|reason| reason != "the planner failed"), "{sql}: {:?}", told.because);
                assert!(told.peak_memory_bytes <= 1 << 51);
            }
        });
    }
}
