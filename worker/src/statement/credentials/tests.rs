use super::*;

fn read(sql: &str) -> Result<CredentialChange, CredentialError> {
    Statement::read(sql).credentials().unwrap()
}

fn made(sql: &str) -> String {
    match read(sql).unwrap() {
        CredentialChange::Create { name, replaces, secret, .. } => secret.statement(&name, replaces),
        other => panic!("{other:?}"),
    }
}

#[test]
fn secrets_are_written_anew() {
    let check = |sql: &str, statement: &str| assert_eq!(made(sql), statement, "{sql}");
    check(
        "create or replace temporary secret \"My\" (type S3, key_id 'a', secret 'it''s', scope 's3://b/')",
        "CREATE OR REPLACE TEMPORARY SECRET \"my\" (TYPE s3, KEY_ID 'a', SECRET 'it''s', SCOPE ['s3://b/'])",
    );
    check(
        "CREATE SECRET (USE_SSL false, TYPE gcs, PROVIDER config, SCOPE ['gs://a', 'gcs://b'])",
        "CREATE TEMPORARY SECRET \"__default_gcs\" (TYPE gcs, USE_SSL 'false', SCOPE ['gs://a', 'gcs://b'])",
    );
    check(
        "CREATE SECRET IF NOT EXISTS x (TYPE azure, CONNECTION_STRING 'AccountName=a;AccountKey=k==')",
        "CREATE TEMPORARY SECRET \"x\" (TYPE azure, CONNECTION_STRING 'AccountName=a;AccountKey=k==')",
    );
}

#[test]
fn what_would_use_the_servers_credentials_is_refused() {
    use CredentialError as Error;
    let check = |sql: &str, error| assert_eq!(read(sql), Err(error), "{sql}");
    check("CREATE PERSISTENT SECRET x (TYPE s3)", Error::Persistent);
    check("CREATE SECRET x IN local_file (TYPE s3)", Error::Persistent);
    check("CREATE SECRET IN local_file (TYPE s3)", Error::Persistent);
    check("DROP PERSISTENT SECRET x", Error::Persistent);
    for provider in ["credential_chain", "'CREDENTIAL_CHAIN'", "env", "managed_identity", "service_principal"] {
        check(&format!("CREATE SECRET x (TYPE s3, PROVIDER {provider})"), Error::Provider);
    }
    for kind in ["http", "postgres", "aws", "huggingface", "ducklake"] {
        check(&format!("CREATE SECRET x (TYPE {kind})"), Error::Type);
    }
    check("CREATE SECRET x (KEY_ID 'a')", Error::Type);
    check("CREATE SECRET x (TYPE s3, REFRESH auto)", Error::Option(options::of_setting("s3_region").unwrap().0));
    check("CREATE OR REPLACE SECRET tavana_store_a (TYPE s3)", Error::Name);
    check("DROP SECRET \"TAVANA_store_a\"", Error::Name);
    check("SET GLOBAL s3_access_key_id = 'a'", Error::Global);
}

#[test]
fn what_is_not_a_plain_value_is_refused() {
    for sql in [
        "CREATE SECRET x (TYPE s3, SECRET ?)",
        "CREATE SECRET x (TYPE s3, SECRET $1)",
        "CREATE SECRET x (TYPE s3, SECRET 'a' || 'b')",
        "CREATE SECRET x (TYPE s3, SECRET getenv('A'))",
        "CREATE SECRET x (TYPE s3, SECRET E'a')",
        "CREATE SECRET x (TYPE s3, SECRET 'a' b)",
        "CREATE SECRET x (TYPE s3",
        "CREATE SECRET x",
        "CREATE SECRET x y (TYPE s3)",
        "DROP SECRET",
        "DROP SECRET x CASCADE",
    ] {
        assert_eq!(read(sql), Err(CredentialError::Form), "{sql}");
    }
    for value in [
        "REGION 'x@evil'",
        "ENDPOINT 'a/../b@c'",
        "ENDPOINT 'a?b'",
        "USE_SSL 'maybe'",
        "URL_STYLE 'x'",
        "SCOPE 'gs://a'",
        "SCOPE '/etc'",
        "SECRET 'a\nb'",
    ] {
        let refused = read(&format!("CREATE SECRET x (TYPE s3, {value})"));
        assert!(matches!(refused, Err(CredentialError::Value(..))), "{value}: {refused:?}");
    }
    let proxy = "CREATE SECRET x (TYPE azure, CONNECTION_STRING 'DevelopmentStorageProxyUri=http://a')";
    assert!(matches!(read(proxy), Err(CredentialError::Value(..))));
}

#[test]
fn settings_are_options_of_secrets() {
    let check = |sql: &str, wanted: Option<&str>| match read(sql).unwrap() {
        CredentialChange::Setting { option, value, .. } => {
            assert_eq!((option, value.as_ref().map(|value| value.0.as_str())), ("SECRET", wanted), "{sql}");
        }
        other => panic!("{other:?}"),
    };
    check("SET s3_secret_access_key = 'it''s'", Some("it's"));
    check("set session \"S3_SECRET_ACCESS_KEY\" to 'a'", Some("a"));
    check("PRAGMA s3_secret_access_key='a'", Some("a"));
    check("RESET s3_secret_access_key", None);
    check("SET s3_secret_access_key = DEFAULT", None);
    assert!(Statement::read("SET s3_uploader_thread_limit = 5").credentials().is_none());
    assert!(Statement::read("SET threads = 5").credentials().is_none());
}

#[test]
fn hosts_are_known() {
    let check = |sql: &str, hosts: &[&str]| assert_eq!(read(sql).unwrap().endpoints(), hosts, "{sql}");
    check("SET s3_endpoint = '127.0.0.1:9000'", &["127.0.0.1"]);
    check("CREATE SECRET x (TYPE s3, ENDPOINT 'minio.local:9000/base')", &["minio.local"]);
    check(
        "CREATE SECRET x (TYPE azure, CONNECTION_STRING 'BlobEndpoint=http://127.0.0.1:10000/a;AccountKey=k')",
        &["127.0.0.1"],
    );
    check("CREATE SECRET x (TYPE s3, KEY_ID 'a')", &[]);
}

#[test]
fn secrets_are_not_shown_by_accident() {
    let shown = format!("{:?}", read("CREATE SECRET x (TYPE s3, SECRET 'canary')").unwrap());
    assert!(shown.contains("SECRET") && !shown.contains("canary"), "{shown}");
}

#[test]
fn the_list_of_secrets_is_the_sessions_own() {
    let check = |sql: &str, edited: &str| assert_eq!(Statement::read(sql).with_own_secrets(), edited, "{sql}");
    check("FROM duckdb_secrets()", "FROM tavana.main.duckdb_secrets()");
    check("FROM system.main.\"DUCKDB_secrets\" () s", "FROM tavana.main.duckdb_secrets () s");
    check("SELECT 'duckdb_secrets()'", "SELECT 'duckdb_secrets()'");
}

#[test]
fn messages_hold_no_part_of_credentials() {
    for text in [
        "CREAT SECRET (TYPE s3, SECRET 'canary')",
        "SET s3_secret_access_key 'canary'",
        "SET s3_secret_access_key = canary oops",
        "SELECT 1; CREATE SECRET x (SECRET \"canary\"",
        "SELECT 'canary' AS secret FROM",
        "SET s3_secret_access_key = 'canary",
    ] {
        let message = format!("Parser Error: syntax error at or near \"canary\" 'canary'\n\nLINE 1: {text}\n  ^");
        let shown = without_credentials(&message, text);
        assert!(shown.starts_with("Parser Error: ") && !shown.contains("canary"), "{text}: {shown}");
    }
    let missing = "Catalog Error: Table with name t does not exist!";
    assert_eq!(without_credentials(missing, "SELECT secret FROM t"), missing);
}
