//! What `bench/estimates/run.py` asks of the estimator.

use std::path::{Path, PathBuf};

use prometheus::Registry;
use prost::Message as _;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tavana_wire::estimate::Actual;
use tavana_wire::status::QueryRow;

use super::*;
use crate::HistoryConfig;
use crate::history::History;

fn read<T: DeserializeOwned>(folder: &Path, file: &str) -> T {
    serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
}

/// What is expected of a statement that ran once and had this peak.
fn after(peak_memory_bytes: u64, told: &Estimate) -> Expectation {
    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        history: HistoryConfig,
    }
    let config = <Program as clap::Parser>::parse_from(["program"]).history;
    let history = History::open(config, &Registry::new()).unwrap();
    let actual = Actual { peak_memory_bytes: Some(peak_memory_bytes), spilled_bytes: Some(0), ..Actual::default() };
    history.record(QueryRow {
        outcome: "ok".to_owned(),
        estimate: Some(told.clone()),
        actual: Some(actual),
        ended_us: Some(1),
        ..QueryRow::default()
    });
    let fingerprint: [u8; 16] = told.fingerprint.as_slice().try_into().unwrap();
    history.expect(&Fingerprint(fingerprint)).unwrap()
}

/// Sizes the statements of a folder that `bench/estimates/run.py` made, over what a worker told it, and writes them there.
#[test]
#[ignore = "run by bench/estimates/run.py, which gives the folder"]
fn sizes_of_given_statements() {
    let folder = PathBuf::from(std::env::var("TAVANA_STATEMENTS").unwrap());
    let answer = |path: PathBuf| -> StatisticsAnswer {
        StatisticsAnswer::decode(std::fs::read(path).unwrap().as_slice()).unwrap()
    };
    let statements: Vec<Json> = read(&folder, "statements.json");
    let ran: BTreeMap<String, u64> = read(&folder, "ran.json");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut sizes = serde_json::Map::new();
    let mut known: BTreeMap<PathBuf, (Estimator, Canned)> = BTreeMap::new();
    for statement in &statements {
        let (name, sql) = (statement["name"].as_str().unwrap(), statement["sql"].as_str().unwrap());
        let place = folder.join(name).parent().unwrap().to_owned();
        let (estimator, canned) = known.entry(place.clone()).or_insert_with(|| {
            let files = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap());
            let answers = files.map(|file| (file.file_name().into_string().unwrap(), answer(file.path())));
            let canned = Canned { answers: Arc::new(answers.collect()), ..Canned::default() };
            (Estimator::new(config(&["--estimate-budget-ms", "60000", "--statistics-fresh-seconds", "600"])), canned)
        });
        let canned = Canned { plan: statement["plan"].as_str().map(str::to_owned), ..canned.clone() };
        let told = runtime.block_on(estimator.estimate(sql, &session(), None, &canned));
        // Once more with its statistics cached, but not its plan.
        let begun = std::time::Instant::now();
        runtime.block_on(estimator.estimate(&format!("{sql} "), &session(), None, &canned));
        let us = u64::try_from(begun.elapsed().as_micros()).unwrap();
        let after = ran.get(name).map(|&peak| {
            let expected = after(peak, &told);
            runtime.block_on(estimator.estimate(sql, &session(), Some(&expected), &canned)).peak_memory_bytes
        });
        let size = json!({
            "after": after,
            "peak": told.peak_memory_bytes, "scan": told.scan_bytes, "rows": told.rows, "output": told.output_bytes,
            "source": format!("{:?}", told.source()), "because": told.because, "us": us,
        });
        sizes.insert(name.to_owned(), size);
    }
    std::fs::write(folder.join("sizes.json"), serde_json::to_vec_pretty(&sizes).unwrap()).unwrap();
}
