use super::*;

fn read(text: &str) -> Result<Catalogs, String> {
    let file: CatalogsFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    Catalogs::checked(file).map_err(|error| error.to_string())
}

const WHOLE: &str = r#"
default = "lake"
extensions = ["fts"]

[store.minio]
scope = "s3://lake/"
endpoint = "127.0.0.1:9000"
access-key-id = "k"
secret-access-key = "it's"
url-style = "path"
use-ssl = false

[store.clouds]
scope = "az://box/"
account-name = "acc"

[catalog.lake]
type = "ducklake"
metadata = "postgres:host=db dbname=lake"
password = "pass"
data-path = "s3://lake/tables"
maintenance = { keep-snapshots-days = 2.5 }

[catalog.logs]
type = "files"
tables.events = "s3://logs/2026/*/*.parquet"
tables.trips = { location = "/data/trips.csv", options = { header = true, delim = ";" } }

[catalog.ice]
type = "iceberg"
tables.one = "az://box/one"
"#;

#[test]
fn a_whole_file_becomes_statements() {
    let catalogs = read(WHOLE).unwrap();
    assert_eq!(catalogs.default(), Some("lake"));
    assert_eq!(catalogs.extensions(), ["azure", "httpfs", "avro", "iceberg", "ducklake", "postgres_scanner", "fts"],);
    assert_eq!(catalogs.places(), ["az://box/one/", "s3://lake/tables/", "s3://logs/2026/", "/data/trips.csv"]);
    let (name, store) = &catalogs.stores[1];
    let secrets = store.secrets("here").unwrap();
    assert_eq!(
        attach::store(name, store, &secrets),
        "CREATE SECRET \"tavana_store_minio\" (TYPE s3, SCOPE 's3://lake/', KEY_ID 'k', SECRET 'it''s', \
         ENDPOINT '127.0.0.1:9000', URL_STYLE 'path', USE_SSL false)",
    );
    let statements: Vec<String> =
        catalogs.catalogs.iter().flat_map(|(name, catalog)| attach::catalog(name, catalog, Some("pass"))).collect();
    assert_eq!(
        statements,
        [
            "ATTACH ':memory:' AS \"ice\"",
            "CREATE SECRET \"tavana_catalog_lake\" (TYPE postgres, PASSWORD 'pass')",
            "ATTACH 'ducklake:postgres:host=db dbname=lake' AS \"lake\" \
             (DATA_PATH 's3://lake/tables', META_SECRET 'tavana_catalog_lake')",
            "ATTACH ':memory:' AS \"logs\"",
        ],
    );
    let views: Vec<(&str, String)> = catalogs.catalogs.iter().flat_map(|(_, catalog)| attach::views(catalog)).collect();
    let views: Vec<(&str, &str)> = views.iter().map(|(table, scan)| (*table, scan.as_str())).collect();
    assert_eq!(
        views,
        [
            ("one", "iceberg_scan('az://box/one')"),
            ("events", "read_parquet('s3://logs/2026/*/*.parquet')"),
            ("trips", "read_csv('/data/trips.csv', delim = ';', header = true)"),
        ],
    );
}

#[test]
fn a_lake_is_maintained_where_the_file_says_so() {
    let catalogs = read(WHOLE).unwrap();
    let lakes = catalogs.lakes();
    let [lake] = lakes.as_slice() else { panic!("{lakes:?}") };
    let maintenance = lake.scheduled().unwrap();
    assert_eq!((maintenance.settings.keep_snapshots_days, maintenance.settings.every_minutes), (2.5, 60.0));
    assert!(!maintenance.metadata_is_sqlite);
    let without = read("[catalog.a]\ntype = 'ducklake'\nmetadata = 'sqlite:x'\ndata-path = '/d'").unwrap().lakes();
    assert!(without[0].scheduled().is_none());
    assert!(without[0].maintenance().metadata_is_sqlite, "a command maintains it all the same");
}

#[test]
fn metadata_is_attached_by_itself() {
    let check = |metadata: &str, password, expected: &[&str]| {
        assert_eq!(attach::metadata("rows", metadata, true, password), expected);
    };
    check("sqlite:m.sqlite", None, &["ATTACH 'm.sqlite' AS \"rows\" (TYPE sqlite, READ_ONLY)"]);
    check(
        "postgres:host=db",
        Some("it's"),
        &[
            "CREATE SECRET \"tavana_catalog_rows\" (TYPE postgres, PASSWORD 'it''s')",
            "ATTACH 'host=db' AS \"rows\" (TYPE postgres, READ_ONLY, SECRET 'tavana_catalog_rows')",
        ],
    );
}

#[test]
fn what_is_wrong_is_named() {
    let check = |text: &str, expected: &str| {
        let reason = read(text).err().unwrap_or_default();
        assert!(reason.contains(expected), "{reason}\n{text}");
    };
    check("default = 'x'", "there is no catalog `x`");
    check("defualt = 'x'", "unknown field");
    check("[catalog.Lake]\ntype = 'files'\ntables.a = '/a.csv'", "small letters");
    check("[catalog.tavana]\ntype = 'files'\ntables.a = '/a.csv'", "belongs to the server");
    check("[catalog.a]\ntype = 'ducklike'", "unknown variant");
    check("[catalog.a]\ntype = 'files'\ntables = {}", "it has no tables");
    check("[catalog.a]\ntype = 'files'\ntables.t = '/a'", "add format");
    check(
        "[catalog.a]\ntype = 'files'\ntables.t = { location = '/a.csv', options = { 'x) y' = 1 } }",
        "no name of an option",
    );
    check("[catalog.a]\ntype = 'ducklake'\nmetadata = 'x'\ndata-path = '/d'", "\"sqlite:FILE\"");
    check(
        "[catalog.a]\ntype = 'ducklake'\nmetadata = 'postgres:host=h password=p'\ndata-path = '/d'",
        "the key `password`",
    );
    check("[catalog.a]\ntype = 'postgres'\nconnection = 'postgresql://u:p@h/d'", "the key `password`");
    check("[catalog.a]\ntype = 'postgres'\npassword = 'p'\nconnection = 'postgresql://u@h/d'", "host=");
    let lake = "[catalog.a]\ntype = 'ducklake'\nmetadata = 'sqlite:x'\ndata-path = '/d'\n";
    check(&format!("{lake}maintenance = {{ every-minute = 1 }}"), "unknown field");
    check(&format!("{lake}maintenance.every-minutes = 0"), "every-minutes of its maintenance is more than 0");
    check(&format!("{lake}read-only = true\nmaintenance = {{}}"), "exclude each other");
    check("[store.a]\nscope = 'ftp://x'", "the scope begins with");
    check("[store.a]\nscope = 's3://x'\naccess-key-id = 'k'", "go together");
    check("[store.a]\nscope = 'gs://x'", "HMAC");
    check("[store.a]\nscope = 'az://x'", "connection-string or account-name");
}

#[test]
fn a_secret_is_read_from_where_it_is_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "from a file\n").unwrap();
    let text = format!(
        "[store.a]\nscope = 's3://x'\naccess-key-id = 'k'\nsecret-access-key = {{ file = '{}' }}",
        file.display()
    );
    let store = &read(&text).unwrap().stores[0].1;
    assert_eq!(store.secrets("here").unwrap().values(), ["from a file"]);
    let text = "[store.a]\nscope = 's3://x'\naccess-key-id = 'k'\nsecret-access-key = { env = 'TAVANA_TEST_NOT_SET' }";
    let error = read(text).unwrap().stores[0].1.secrets("store `a`").err().unwrap().to_string();
    assert!(error.contains("store `a`") && error.contains("TAVANA_TEST_NOT_SET"), "{error}");
    assert!(!format!("{:?}", read(WHOLE).unwrap()).contains("it's"));
}

#[test]
fn another_instance_has_what_opens_twice_and_keys_for_places_alone() {
    let catalogs = read(WHOLE).unwrap();
    let elsewhere = catalogs.elsewhere(&["s3://lake/tables/".to_owned(), "s3://lake/more/".to_owned()]);
    assert_eq!(elsewhere.scopes(), ["s3://lake/tables/", "s3://lake/more/"]);
    assert_eq!(elsewhere.catalogs.len(), 3);
    assert_eq!(elsewhere.default(), Some("lake"));
    assert_eq!(catalogs.elsewhere(&["s3://".to_owned()]).scopes(), ["s3://lake/"]);
    let duckdb =
        WHOLE.replace("postgres:host=db dbname=lake", "duckdb:/data/lake.meta").replace("password = \"pass\"", "");
    let elsewhere = read(&duckdb).unwrap().elsewhere(&[]);
    assert_eq!((elsewhere.catalogs.len(), elsewhere.default()), (2, None));
    assert!(elsewhere.scopes().is_empty());
}
