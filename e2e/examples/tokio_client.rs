//! tokio-postgres against a server: one conversation a section, checked here, so that a section either ends well or not at all.
//!
//! `tokio_client SECTION`, with libpq's `PGHOST`, `PGPORT`, `PGUSER` and `PGDATABASE`. test_pg_tokio.py runs every section.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use futures::{SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Json, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, IsolationLevel, NoTls, Portal, SimpleQueryMessage};
use uuid::Uuid;

/// Would take hours.
const LONG: &str = "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) \
                    where x * 3 <> y * 7 + 1";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let section = std::env::args().nth(1).expect("a section is needed");
    let (mut client, notices) = connect().await;
    match section.as_str() {
        "simple" => simple(&client).await,
        "prepared" => prepared(&client).await,
        "types" => types(&client).await,
        "arrays" => arrays(&client).await,
        "streamed" => streamed(&client).await,
        "copy" => copy(&client).await,
        "binary copy" => binary_copy(&client).await,
        "broken copy" => broken_copy(&client).await,
        "transactions" => transactions(&mut client).await,
        "portals" => portals(&mut client).await,
        "pipelined" => pipelined(&client).await,
        "cancel" => cancel(&client).await,
        "dropped" => dropped(&client).await,
        "errors" => errors(&client).await,
        "notices" => told(&client, notices).await,
        other => panic!("there is no section {other}"),
    }
}

async fn connect() -> (Client, UnboundedReceiver<AsyncMessage>) {
    let of = |name: &str| std::env::var(name).unwrap();
    let mut config = tokio_postgres::Config::new();
    config.host(of("PGHOST")).port(of("PGPORT").parse().unwrap()).user(of("PGUSER")).dbname(of("PGDATABASE"));
    let (client, mut connection) = config.connect(NoTls).await.unwrap();
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            // Nobody may be listening.
            let _ = sender.send(message);
        }
    });
    (client, receiver)
}

async fn simple(client: &Client) {
    let messages = client.simple_query("select 1 as a, null::text as b; select 'x' as c where false").await.unwrap();
    let [
        SimpleQueryMessage::RowDescription(columns),
        SimpleQueryMessage::Row(row),
        SimpleQueryMessage::CommandComplete(1),
        SimpleQueryMessage::RowDescription(_),
        SimpleQueryMessage::CommandComplete(0),
    ] = &messages[..]
    else {
        panic!("{messages:?}")
    };
    assert_eq!(columns.iter().map(|column| column.name()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((row.get("a"), row.get("b")), (Some("1"), None));
    client.batch_execute("create temp table t (a int); insert into t values (1), (2); drop table t").await.unwrap();
}

async fn prepared(client: &Client) {
    let statement = client.prepare_typed("select $1 + $2 as sum, $3 as text", &[Type::INT4, Type::INT4, Type::TEXT]);
    let statement = statement.await.unwrap();
    assert_eq!(statement.params(), [Type::INT4, Type::INT4, Type::TEXT]);
    assert_eq!(statement.columns().iter().map(|column| column.name()).collect::<Vec<_>>(), ["sum", "text"]);
    for i in 0..50 {
        let row = client.query_one(&statement, &[&i, &(i * 2), &"ä"]).await.unwrap();
        assert_eq!((row.get::<_, i32>("sum"), row.get::<_, &str>("text")), (i * 3, "ä"));
    }
    let found = client.prepare("select $1::int8 as a, $2::text as b").await.unwrap();
    assert_eq!(found.params(), [Type::INT8, Type::TEXT]);
    client.batch_execute("create temp table t (a int, b text)").await.unwrap();
    let insert = client.prepare_typed("insert into t values ($1, $2)", &[Type::INT4, Type::TEXT]).await.unwrap();
    assert_eq!(client.execute(&insert, &[&1, &None::<&str>]).await.unwrap(), 1);
    assert_eq!(client.execute("update t set b = 'x'", &[]).await.unwrap(), 1);
    assert!(client.query_opt("select a from t where a = 2", &[]).await.unwrap().is_none());
    let typed = client.query_typed("select $1 as a", &[(&7_i64, Type::INT8)]).await.unwrap();
    assert_eq!(typed[0].get::<_, i64>(0), 7);
}

async fn there_and_back<T>(client: &Client, name: &str, values: &[T])
where
    T: ToSql + Sync + PartialEq + std::fmt::Debug + for<'a> tokio_postgres::types::FromSql<'a>,
{
    let statement = client.prepare(&format!("select $1::{name} as value")).await.unwrap();
    for value in values {
        assert_eq!(&client.query_one(&statement, &[value]).await.unwrap().get::<_, T>(0), value, "as {name}");
    }
    let row = client.query_one(&statement, &[&None::<T>]).await.unwrap();
    assert_eq!(row.get::<_, Option<T>>(0), None, "as {name}");
}

async fn types(client: &Client) {
    there_and_back(client, "bool", &[true, false]).await;
    there_and_back(client, "int2", &[i16::MIN, 0, i16::MAX]).await;
    there_and_back(client, "int4", &[i32::MIN, 0, i32::MAX]).await;
    there_and_back(client, "int8", &[i64::MIN, 0, i64::MAX]).await;
    there_and_back(client, "float4", &[f32::MIN, -0.5, f32::INFINITY]).await;
    there_and_back(client, "float8", &[f64::MIN_POSITIVE, 0.1, f64::NEG_INFINITY]).await;
    there_and_back(client, "text", &[String::new(), "ä\u{1F600}\n'\\".to_owned()]).await;
    there_and_back(client, "bytea", &[Vec::new(), (0..=255).collect::<Vec<u8>>()]).await;
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let time = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
    there_and_back(client, "date", &[date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]).await;
    there_and_back(client, "time", &[NaiveTime::MIN, time]).await;
    let moments = [NaiveDateTime::new(date(1969, 12, 31), time), NaiveDateTime::new(date(2024, 2, 29), time)];
    there_and_back(client, "timestamp", &moments).await;
    there_and_back::<DateTime<Utc>>(client, "timestamptz", &moments.map(|moment| moment.and_utc())).await;
    there_and_back(client, "uuid", &[Uuid::nil(), Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11)]).await;
    let document = serde_json::json!({"a": [1, null, "ä"], "b": {"c": 1.5}});
    let row = client.query_one("select $1::json as value", &[&Json(&document)]).await.unwrap();
    assert_eq!(row.get::<_, serde_json::Value>(0), document);
}

async fn arrays(client: &Client) {
    there_and_back(client, "int4[]", &[vec![], vec![Some(1), None, Some(-3)]]).await;
    there_and_back(client, "text[]", &[vec![Some("a,\"b\\ {}".to_owned()), None, Some(String::new())]]).await;
    there_and_back(client, "float8[]", &[vec![0.5, -1e300]]).await;
    let row = client.query_one("select 2 = any($1::int4[]) as found", &[&vec![1, 2]]).await.unwrap();
    assert!(row.get::<_, bool>(0));
}

async fn streamed(client: &Client) {
    let sql = "select i::int4 as i from generate_series(1, 200000) t(i)";
    let rows = client.query_raw(sql, std::iter::empty::<i32>()).await.unwrap();
    let sum = rows.try_fold(0_i64, |sum, row| async move { Ok(sum + i64::from(row.get::<_, i32>(0))) });
    assert_eq!(sum.await.unwrap(), 20_000_100_000);
}

async fn copy(client: &Client) {
    client.batch_execute("create temp table c (a int, b text)").await.unwrap();
    let sink = client.copy_in("copy c from stdin (format csv)").await.unwrap();
    futures::pin_mut!(sink);
    for i in 0..5000 {
        sink.send(Bytes::from(format!("{i},\"row, {i}\"\n"))).await.unwrap();
    }
    assert_eq!(sink.finish().await.unwrap(), 5000);
    let out = client.copy_out("copy (select * from c where a < 2 order by a) to stdout").await.unwrap();
    let pieces: Vec<Bytes> = out.try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"0\trow, 0\n1\trow, 1\n");
}

async fn binary_copy(client: &Client) {
    client.batch_execute("create temp table c (a int, b text, c float8)").await.unwrap();
    let types = [Type::INT4, Type::TEXT, Type::FLOAT8];
    let sink = client.copy_in::<_, Bytes>("copy c from stdin (format binary)").await.unwrap();
    let writer = BinaryCopyInWriter::new(sink, &types);
    futures::pin_mut!(writer);
    for i in 0..1000 {
        let text = (i % 2 == 0).then(|| format!("row {i}"));
        writer.as_mut().write(&[&i, &text, &f64::from(i)]).await.unwrap();
    }
    assert_eq!(writer.finish().await.unwrap(), 1000);
    let out = client.copy_out("copy (select * from c order by a) to stdout (format binary)").await.unwrap();
    let rows: Vec<_> = BinaryCopyOutStream::new(out, &types).try_collect().await.unwrap();
    assert_eq!(rows.len(), 1000);
    assert_eq!(
        (rows[999].get::<i32>(0), rows[999].get::<Option<&str>>(1), rows[999].get::<f64>(2)),
        (999, None, 999.0)
    );
    assert_eq!(rows[2].get::<Option<&str>>(1), Some("row 2"));
}

/// A copy that is let go, and one whose rows are wrong, leave nothing; the connection goes on.
async fn broken_copy(client: &Client) {
    client.batch_execute("create temp table c (a int)").await.unwrap();
    {
        let sink = client.copy_in("copy c from stdin").await.unwrap();
        futures::pin_mut!(sink);
        sink.send(Bytes::from_static(b"1\n")).await.unwrap();
    }
    let sink = client.copy_in("copy c from stdin").await.unwrap();
    futures::pin_mut!(sink);
    sink.send(Bytes::from_static(b"1\nx\n")).await.unwrap();
    let error = sink.finish().await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code(), &SqlState::INVALID_TEXT_REPRESENTATION);
    assert_eq!(error.where_(), Some("COPY c, line 2, column a: \"x\""));
    assert_eq!(client.query_one("select count(*) from c", &[]).await.unwrap().get::<_, i64>(0), 0);
}

async fn transactions(client: &mut Client) {
    client.batch_execute("create temp table t (a int)").await.unwrap();
    let transaction = client.transaction().await.unwrap();
    transaction.execute("insert into t values (1)", &[]).await.unwrap();
    transaction.rollback().await.unwrap();
    // One that is let go is rolled back too.
    client.transaction().await.unwrap().execute("insert into t values (2)", &[]).await.unwrap();
    let read_only = client.build_transaction().isolation_level(IsolationLevel::Serializable).read_only(true);
    let transaction = read_only.start().await.unwrap();
    let error = transaction.execute("create table never (a int)", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::READ_ONLY_SQL_TRANSACTION));
    drop(transaction);
    let transaction = client.transaction().await.unwrap();
    transaction.execute("insert into t values (3)", &[]).await.unwrap();
    transaction.commit().await.unwrap();
    let rows = client.query("select a from t", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i32>>(), [3]);
}

async fn portals(client: &mut Client) {
    let transaction = client.transaction().await.unwrap();
    let statement =
        transaction.prepare("select i::int4 as i from generate_series(1, 10) t(i) order by 1").await.unwrap();
    let portal: Portal = transaction.bind(&statement, &[]).await.unwrap();
    let mut sizes = Vec::new();
    for _ in 0..4 {
        sizes.push(transaction.query_portal(&portal, 4).await.unwrap().len());
    }
    assert_eq!(sizes, [4, 4, 2, 0]);
    transaction.commit().await.unwrap();
}

/// Requests that are made together go out without waiting for each other.
async fn pipelined(client: &Client) {
    let statement = client.prepare_typed("select $1 as n", &[Type::INT4]).await.unwrap();
    let asked = (0..200_i32).map(|i| {
        let statement = statement.clone();
        async move { client.query_one(&statement, &[&i]).await.unwrap().get::<_, i32>(0) }
    });
    let answers = futures::future::join_all(asked).await;
    assert_eq!(answers, (0..200).collect::<Vec<i32>>());
    // One that fails fails alone.
    let (one, two, three) =
        tokio::join!(client.query("select 1", &[]), client.query("select 1/0", &[]), client.query("select 3", &[]));
    assert!(one.is_ok() && three.is_ok());
    assert_eq!(two.unwrap_err().code(), Some(&SqlState::DIVISION_BY_ZERO));
}

async fn cancel(client: &Client) {
    let token = client.cancel_token();
    let begin = Instant::now();
    let later = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        token.cancel_query(NoTls).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(client.query(LONG, &[]), later);
    assert_eq!(outcome.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(client.query_one("select 1", &[]).await.unwrap().get::<_, i32>(0), 1);
}

/// A query whose future is dropped runs on; what comes after it gets its own answer.
async fn dropped(client: &Client) {
    let sql = "select i from generate_series(1, 100000) t(i)";
    let lost = tokio::time::timeout(Duration::from_millis(1), client.query(sql, &[]));
    drop(lost.await);
    assert_eq!(client.query_one("select 7", &[]).await.unwrap().get::<_, i32>(0), 7);
}

async fn errors(client: &Client) {
    for (sql, code) in [
        ("selekt", SqlState::SYNTAX_ERROR),
        ("select nope", SqlState::UNDEFINED_COLUMN),
        ("select * from nope", SqlState::UNDEFINED_TABLE),
        ("select 1/0", SqlState::DIVISION_BY_ZERO),
    ] {
        assert_eq!(client.query(sql, &[]).await.unwrap_err().code(), Some(&code), "{sql}");
        assert_eq!(client.simple_query(sql).await.unwrap_err().code(), Some(&code), "{sql}");
    }
    assert_eq!(client.query_one("select 1", &[]).await.unwrap().get::<_, i32>(0), 1);
}

async fn told(client: &Client, mut notices: UnboundedReceiver<AsyncMessage>) {
    client.batch_execute("drop table if exists no_such_table").await.unwrap();
    let Some(AsyncMessage::Notice(notice)) = notices.recv().await else { panic!("no notice came") };
    assert_eq!(notice.code(), &SqlState::SUCCESSFUL_COMPLETION);
    assert_eq!(notice.message(), "table \"no_such_table\" does not exist, skipping");
}
