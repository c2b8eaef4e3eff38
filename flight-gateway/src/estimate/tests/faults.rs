//! Bad input: statements that are made to hurt, statistics that lie or come cut. Whatever it is, there is an estimate and it says why.

use super::*;

/// An estimate over `knowledge`, whatever time it takes: what is refused is refused ahead of the planner.
async fn told(sql: &str, knowledge: &Canned) -> Estimate {
    let config = config(&["--max-estimated-sql-bytes", "10000000", "--estimate-budget-ms", "120000"]);
    Estimator::new(config).estimate(sql, &session(), None, knowledge).await
}

#[tokio::test]
async fn statements_made_to_hurt_are_not_planned() {
    async fn check(what: &str, sql: String, source: EstimateSource, because: &str) {
        let told = told(&sql, &canned()).await;
        assert_eq!(told.source(), source, "{what}: {:?}", told.because);
        assert!(told.because.iter().any(|reason| reason.contains(because)), "{what}: {:?}", told.because);
        assert!(told.because.iter().all(|reason| reason != "the planner failed"), "{what}: {:?}", told.because);
        assert!(told.peak_memory_bytes > 0);
    }
    let times = |text: &str, count: usize| text.repeat(count);
    let default = EstimateSource::Default;
    let nested = format!("select {}1{} from big", times("(", 10_000), times(")", 10_000));
    check("parentheses", nested, default, "nested more than").await;
    let nested = format!("select * from {}big{}", times("(select * from ", 5_000), times(")", 5_000));
    check("subqueries", nested, default, "nested more than").await;
    check("brackets", format!("select * from big where {}", times("[", 100_000)), default, "nested more than").await;
    let ands = format!("select * from big where {}i = 1", times("i = 1 and ", 5_000));
    check("ands", ands, default, "chains more than").await;
    let joins = format!("select * from big {}", times("join small using (i) ", 5_000));
    check("joins", joins, default, "more than 100 relations").await;
    check("commas", format!("select 1 from big{}", times(", small", 5_000)), default, "relations").await;
    let unions = format!("select 1 from big {}", times("union all select 1 from big ", 5_000));
    check("unions", unions, default, "more than 100 relations").await;
    check("unions of nothing", format!("select i from big {}", times("union select 1 ", 5_000)), default, "chains")
        .await;
    check("nots", format!("select {} true from big", times("not ", 50_000)), default, "chains").await;
    check("signs", format!("select {} 1 from big", times("- ", 50_000)), default, "chains").await;
    check("cases", format!("select {} from big", times("case when i then ", 5_000)), default, "chains").await;
    check("comments", times("/*", 500_000), default, "").await;
    check("quotes", format!("select {}", times("'", 99_999)), default, "").await;
    check("no letters", times("\u{0}\u{202e}é", 50_000), default, "").await;
    // Long is not deep.
    let values = format!("insert into small values {}(1)", times("(-1),", 2_000));
    assert!(told(&values, &canned()).await.peak_memory_bytes > 0);
    let list = format!("select * from big where i in ({}1)", times("1,", 2_000));
    assert!(told(&list, &canned()).await.peak_memory_bytes > 0);
}

/// Just within the bounds a statement is planned, or given up in time; the stack that planning has must do for it.
#[tokio::test]
async fn the_deepest_statements_that_are_planned_fit_on_the_stack() {
    let times = |text: &str, count: usize| text.repeat(count);
    let estimator = Estimator::new(config(&["--estimate-budget-ms", "120000"]));
    for (what, sql) in [
        ("sums", format!("select {}1 from big", times("i+", 490))),
        ("concatenations", format!("select {}s from big", times("s||", 490))),
        ("casts", format!("select i{} from big", times("::int", 490))),
        ("subscripts", format!("select s{} from big", times("[1]", 85))),
        ("fields", format!("select s{} from big", times(".s", 490))),
        ("nulls", format!("select i{} from big", times(" is null", 490))),
        ("ands", format!("select * from big where {}i = 1", times("i = 1 and ", 240))),
        ("ors", format!("select * from big where {}i = 1", times("i = j or ", 240))),
        ("unions", format!("select i from big {}", times("union select 1 ", 320))),
        ("excepts", format!("select i from big {}", times("except select i from small ", 95))),
        (
            "joins",
            format!("select 1 from big{}", (0..95).map(|at| format!(" join small s{at} on true")).collect::<String>()),
        ),
        (
            "left joins",
            format!(
                "select 1 from big{}",
                (0..95).map(|at| format!(" left join small s{at} on true")).collect::<String>()
            ),
        ),
        ("crossed", format!("select 1 from big{}", (0..95).map(|at| format!(", small s{at}")).collect::<String>())),
        ("parentheses", format!("select {}1{} from big", times("(", 50), times(")", 50))),
        ("calls", format!("select {}1{} from big", times("abs(", 50), times(")", 50))),
        ("subqueries", format!("select * from {}big{}", times("(select * from ", 15), times(") x", 15))),
        (
            "exists",
            format!("select * from big where {}true{}", times("exists(select 1 from big where ", 12), times(")", 12)),
        ),
    ] {
        assert_eq!(bounds::refusal(&sql), None, "{what}");
        let told = estimator.estimate(&sql, &session(), None, &canned()).await;
        assert!(told.because.iter().all(|reason| reason != "the planner failed"), "{what}: {:?}", told.because);
        assert!(told.peak_memory_bytes > 0, "{what}");
    }
}

#[tokio::test]
async fn views_without_end_are_not_followed() {
    let view = |definition: String| RelationStatistics {
        kind: RelationKind::View.into(),
        name: vec!["memory".to_owned(), "main".to_owned(), "v".to_owned()],
        schema: schema_bytes(&[("i", DataType::Int64)]),
        definition,
        reads: vec![1],
        ..RelationStatistics::default()
    };
    for definition in
        ["select i from v".to_owned(), format!("select {}1", "(".repeat(10_000)), "1+".repeat(5_000), String::new()]
    {
        let relations = vec![view(definition), view("select i from v".to_owned())];
        let answers = [("v".to_owned(), StatisticsAnswer { version: 1, relations })];
        let knowledge = Canned { answers: Arc::new(answers.into()), ..Canned::default() };
        let told = told("select * from v", &knowledge).await;
        assert_eq!(told.source(), EstimateSource::Default, "{:?}", told.because);
        assert!(told.because.iter().any(|reason| reason.contains("cannot plan")), "{:?}", told.because);
    }
}

/// Estimates over one relation, `big`, that is told as `change` has made it.
async fn over(change: impl Fn(&mut RelationStatistics)) -> Vec<Estimate> {
    let mut relation = events();
    change(&mut relation);
    let answers = [("big".to_owned(), StatisticsAnswer { version: 1, relations: vec![relation] })];
    let knowledge = Canned { answers: Arc::new(answers.into()), ..Canned::default() };
    let mut found = Vec::new();
    for sql in [
        "select * from big",
        "select s, count(*) from big a join big b using (i) where i between 3 and 5 group by s order by s",
        "create table x as select * from big order by i",
        "delete from big where i > 7",
    ] {
        found.push(told(sql, &knowledge).await);
    }
    found
}

#[tokio::test]
async fn statistics_that_lie_or_are_cut_give_estimates_all_the_same() {
    async fn check(what: &str, change: impl Fn(&mut RelationStatistics)) {
        for told in over(change).await {
            assert!(told.because.iter().all(|reason| reason != "the planner failed"), "{what}: {:?}", told.because);
            assert!((1..=1 << 51).contains(&told.peak_memory_bytes), "{what}: {}", told.peak_memory_bytes);
            assert!((0.0..=1.0).contains(&told.confidence), "{what}");
        }
    }
    check("nothing is told", |told| *told = RelationStatistics::default()).await;
    check("a million files", |told| {
        let file = told.files[0].clone();
        told.files = vec![file; 20_000];
        (told.file_count, told.is_sampled, told.rows) = (1_000_000, true, Some(2_000_000_000_000));
    })
    .await;
    check("huge", |told| {
        (told.rows, told.stored_bytes, told.file_count) = (Some(u64::MAX), Some(u64::MAX), u64::MAX);
        told.files.iter_mut().for_each(|file| (file.rows, file.bytes) = (Some(u64::MAX), Some(u64::MAX)));
    })
    .await;
    check("nothing in it", |told| {
        (told.rows, told.stored_bytes) = (Some(0), Some(0));
        told.files.iter_mut().for_each(|file| (file.rows, file.bytes) = (Some(0), Some(0)));
    })
    .await;
    check("more nulls than rows", |told| told.columns.iter_mut().for_each(|c| c.null_count = Some(u64::MAX))).await;
    for average in [f64::NAN, f64::INFINITY, -1e300, -0.0, 1e300] {
        check("widths", |told| told.columns.iter_mut().for_each(|c| c.average_bytes = Some(average))).await;
    }
    for bound in ["", "-", "99999999999999999999999999999999", "-1e999", "NaN", "é", "\0"] {
        check("bounds", |told| {
            for column in told.files.iter_mut().flat_map(|file| &mut file.columns).chain(&mut told.columns) {
                (column.min, column.max) = (Some(bound.to_owned()), Some("0".to_owned()));
            }
        })
        .await;
    }
    check("rows without columns", |told| told.columns.clear()).await;
    check("files without columns", |told| told.files.iter_mut().for_each(|file| file.columns.clear())).await;
    check("no row groups", |told| told.files.iter_mut().for_each(|file| file.row_groups.clear())).await;
    check("no files", |told| told.files.clear()).await;
    check("no schema", |told| told.schema.clear()).await;
    check("a column twice", |told| told.columns = [told.columns.clone(), told.columns.clone()].concat()).await;
    check("a kind from the future", |told| told.kind = 99).await;
    check("blocks", |told| {
        (told.kind, told.block_bytes) = (RelationKind::Table.into(), u64::MAX);
        for group in told.files.iter_mut().flat_map(|file| &mut file.row_groups) {
            group.columns.iter_mut().for_each(|column| column.blocks = vec![u32::MAX, 0, 0]);
        }
    })
    .await;
    let whole = events().schema.len();
    for length in 0..whole {
        check("a schema that is cut", |told| told.schema.truncate(length)).await;
        check("a schema with noise", |told| told.schema[length] ^= 0xa5).await;
    }
}

#[tokio::test]
async fn an_answer_with_too_few_relations_is_as_good_as_none() {
    #[derive(Clone)]
    struct Short(StatisticsAnswer);
    impl Knowledge for Short {
        async fn statistics(&self, _: StatisticsRequest) -> Result<StatisticsAnswer, Failure> {
            Ok(self.0.clone())
        }
        async fn explain(&self, _: &str) -> Result<String, Failure> {
            Err(Failure::new(FailureKind::Internal, "down"))
        }
    }
    let reads = |reads: Vec<u32>| StatisticsAnswer {
        version: 1,
        relations: vec![RelationStatistics { reads, kind: RelationKind::View.into(), ..table("big", 10, 10) }],
    };
    for answer in [StatisticsAnswer::default(), reads(vec![]), reads(vec![0, 0, 7, u32::MAX])] {
        let estimator = Estimator::new(config(&[]));
        let told = estimator.estimate("select * from big, small", &session(), None, &Short(answer)).await;
        assert_eq!(told.source(), EstimateSource::Default, "{:?}", told.because);
        assert!(told.because.iter().any(|reason| reason.contains("relations are not known")), "{:?}", told.because);
    }
}
