use super::*;
use clap::{Args, CommandFactory as _, Subcommand};
use std::path::Path;

/// Settings of a program, as programs declare them.
#[derive(Parser, Serialize, Debug)]
#[serde(rename_all = "kebab-case")]
struct Alone {
    #[command(flatten)]
    #[serde(flatten)]
    server: ServerConfig,
    #[command(flatten)]
    #[serde(flatten)]
    own: Own,
}

#[derive(Args, Serialize, Debug)]
#[serde(rename_all = "kebab-case")]
struct Own {
    /// Workers
    #[arg(long, value_name = "URI", required = true)]
    worker: Vec<String>,
    /// A switch
    #[arg(long)]
    gateway_only: bool,
    /// A share
    #[arg(long, default_value_t = 0.5)]
    share: f64,
}

/// A program of several commands, one of which has settings.
#[derive(Parser, Serialize, Debug)]
struct Several {
    #[command(subcommand)]
    #[serde(flatten)]
    command: Verb,
}

#[derive(Subcommand, Serialize, Debug)]
#[serde(untagged)]
enum Verb {
    Serve(Box<Alone>),
    #[serde(skip)]
    Sql {
        #[arg(long)]
        flight_addr: Option<String>,
    },
}

struct World {
    dir: tempfile::TempDir,
    variables: Vec<(&'static str, &'static str)>,
}

fn world(variables: &[(&'static str, &'static str)]) -> World {
    World { dir: tempfile::tempdir().unwrap(), variables: variables.to_vec() }
}

impl World {
    fn file(&self, text: &str) -> String {
        let path = self.dir.path().join("a.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn load<C: Parser + Serialize>(&self, args: &[&str]) -> Result<Loaded<C>, ConfigError> {
        let args = std::iter::once("program").chain(args.iter().copied()).map(OsString::from);
        load_from(args.collect(), &|name| {
            self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    fn alone(&self, args: &[&str]) -> Alone {
        match self.load(args).unwrap() {
            Loaded::Run(config) => config,
            Loaded::Dump(text) => panic!("dumped {text}"),
        }
    }

    fn refused(&self, args: &[&str]) -> String {
        self.load::<Alone>(args).unwrap_err().to_string()
    }
}

#[test]
fn later_layers_win() {
    let world = world(&[("TAVANA_HTTP_ADDR", "127.0.0.1:3"), ("TAVANA_LOG_LEVEL", "warn")]);
    let file = world.file(
        "flight-addr = '127.0.0.1:1'\nhttp-addr = '127.0.0.1:2'\nlog-level = 'debug'\n\
         drain-timeout-seconds = 7\nworker = ['grpc://a:1', 'grpc://b:2']\ngateway-only = true\nshare = 1\n",
    );
    let config = world.alone(&["--config", &file, "--log-level", "error"]);
    assert_eq!(config.server.flight_addr.port(), 1);
    assert_eq!(config.server.process.http_addr.port(), 3);
    assert_eq!(config.server.process.log_level, "error");
    assert_eq!(config.server.process.drain_timeout_seconds, 7);
    assert_eq!(config.server.session_ttl_seconds, 12 * 3600);
    assert_eq!(config.own.worker, ["grpc://a:1", "grpc://b:2"]);
    assert!(config.own.gateway_only);
    assert!((config.own.share - 1.0).abs() < f64::EPSILON);
    let config = world.alone(&["--config", &file, "--worker", "grpc://c:3"]);
    assert_eq!(config.own.worker, ["grpc://c:3"]);
}

#[test]
fn a_variable_may_name_the_file_and_hold_several_values() {
    let mut world = world(&[("TAVANA_WORKER", "grpc://a:1, grpc://b:2"), ("TAVANA_GATEWAY_ONLY", "true")]);
    let file = world.file("session-ttl-seconds = 600");
    world.variables.push(("TAVANA_CONFIG", file.leak()));
    let config = world.alone(&[]);
    assert_eq!(config.own.worker, ["grpc://a:1", "grpc://b:2"]);
    assert!(config.own.gateway_only);
    assert_eq!(config.server.session_ttl_seconds, 600);
}

#[test]
fn an_empty_variable_says_nothing() {
    let empty = ["TAVANA_CONFIG", "TAVANA_USERS", "TAVANA_FLIGHT_ADDR", "TAVANA_GATEWAY_ONLY", "TAVANA_WORKER"];
    let config = world(&empty.map(|name| (name, ""))).alone(&["--worker", "w"]);
    assert_eq!((config.server.flight_addr.port(), config.server.process.users), (50051, None));
    assert_eq!((config.own.gateway_only, config.own.worker), (false, vec!["w".to_owned()]));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let world = world(&[]);
    let check = |text: &str, parts: &[&str]| {
        let file = world.file(text);
        let told = world.refused(&["--worker", "w", "--config", &file]);
        for part in parts {
            assert!(told.contains(part), "{text}: {told}");
        }
        assert!(told.contains("a.toml"), "{told}");
    };
    check("flight-adr = 'x'", &["`flight-adr`", "no such setting"]);
    check("config = 'x'", &["`config`", "no such setting"]);
    check("dump-config = true", &["`dump-config`", "no such setting"]);
    check("help = true", &["`help`", "no such setting"]);
    check("flight-addr = 'here'", &["`flight-addr`", "`here`", "socket address"]);
    check("flight-addr = 50051", &["`flight-addr`", "50051"]);
    check("users = 5", &["`users`", "expected string, found integer"]);
    check("log-level = true", &["`log-level`", "expected string, found boolean"]);
    check("drain-timeout-seconds = '30'", &["`drain-timeout-seconds`", "expected integer, found string"]);
    check("drain-timeout-seconds = -1", &["`drain-timeout-seconds`", "`-1`"]);
    check("log-format = 'xml'", &["`log-format`", "`xml`", "text, json"]);
    check("users = ['a', 'b']", &["`users`", "expected one value"]);
    check("users = { a = 1 }", &["`users`", "expected a text"]);
    check("worker = 'w'", &["`worker`", "expected array, found string"]);
    check("worker = [1]", &["`worker`", "expected array"]);
    check("gateway-only = 'yes'", &["`gateway-only`", "`yes`"]);
    check("users = ", &["not valid TOML", "line 1"]);
}

#[test]
fn a_wrong_variable_flag_or_file_is_told() {
    let wrong = world(&[("TAVANA_FLIGHT_ADDR", "nowhere")]);
    let told = wrong.refused(&["--worker", "w"]);
    assert!(told.contains("variable TAVANA_FLIGHT_ADDR") && told.contains("`nowhere`"), "{told}");
    let world = world(&[]);
    assert!(world.refused(&["--config", "/nonexistent/a.toml"]).contains("/nonexistent/a.toml"));
    assert!(world.refused(&["--worker", "w", "--flight-addr", "x"]).contains("--flight-addr"));
    assert!(world.refused(&[]).contains("--worker"));
    let help = world.refused(&["--help"]);
    assert!(help.contains("--flight-addr <IP:PORT>") && help.contains("TAVANA_LOG_LEVEL"), "{help}");
}

#[test]
fn a_dump_is_a_file_that_gives_the_same_settings() {
    let world = world(&[("TAVANA_USERS", "people")]);
    let args = ["--dump-config", "--worker", "grpc://a:1", "--share", "0.25", "--log-format", "json"];
    let Loaded::Dump(first) = world.load::<Alone>(&args).unwrap() else { panic!("no dump") };
    assert!(first.contains("users = \"people\"") && first.contains("share = 0.25"), "{first}");
    assert!(!first.contains("dump-config") && !first.contains("config ="), "{first}");
    let file = world.file(&first);
    let Loaded::Dump(second) = world.load::<Alone>(&["--config", &file, "--dump-config"]).unwrap() else {
        panic!("no dump")
    };
    assert_eq!(first, second);
}

#[test]
fn a_command_inside_a_program_has_its_own_settings() {
    let world = world(&[("TAVANA_FLIGHT_ADDR", "127.0.0.1:9")]);
    let file = world.file("drain-timeout-seconds = 7\nworker = ['w']");
    let Loaded::Run(program) = world.load::<Several>(&["serve", "--config", &file]).unwrap() else { panic!("dumped") };
    let Verb::Serve(config) = program.command else { panic!("not serve") };
    assert_eq!(config.server.flight_addr.port(), 9);
    assert_eq!(config.server.process.drain_timeout_seconds, 7);
    let Loaded::Dump(text) = world.load::<Several>(&["serve", "--config", &file, "--dump-config"]).unwrap() else {
        panic!("no dump")
    };
    assert!(text.contains("drain-timeout-seconds = 7"), "{text}");
    let Loaded::Run(program) = world.load::<Several>(&["sql"]).unwrap() else { panic!("dumped") };
    assert!(matches!(program.command, Verb::Sql { flight_addr: None }));
}

#[test]
fn the_reference_has_a_row_for_every_setting() {
    let page = reference(&Alone::command());
    for row in [
        "| `--flight-addr IP:PORT` | `TAVANA_FLIGHT_ADDR` | `127.0.0.1:50051` | Address of Arrow Flight SQL; port 0 takes any free port |",
        "| `--gateway-only` | `TAVANA_GATEWAY_ONLY` | `false` | A switch |",
        "| `--config FILE` | `TAVANA_CONFIG` |  |",
        "one of `text`, `json` |",
        "| `--worker URI` | `TAVANA_WORKER` |  | Workers (may be given several times",
    ] {
        assert!(page.contains(row), "{row}\n{page}");
    }
    assert!(!page.contains("--dump-config") && !page.contains("--help"), "{page}");
}

#[test]
fn settings_that_do_not_go_together_are_refused_with_the_cure() {
    let world = world(&[]);
    let check = |args: &[&str]| world.alone(&[&["--worker", "w"], args].concat()).server.validate();
    assert_eq!(check(&[]), Ok(()));
    assert_eq!(check(&["--flight-addr", "[::1]:0"]), Ok(()));
    assert_eq!(check(&["--tls-cert", "a"]), Err(SettingsError::Process(ProcessConfigError::HalfTls)));
    assert_eq!(check(&["--tls-key", "a"]), Err(SettingsError::Process(ProcessConfigError::HalfTls)));
    assert_eq!(check(&["--tls-key", "a", "--tls-cert", "b"]), Ok(()));
    let error = check(&["--flight-addr", "0.0.0.0:50051"]).unwrap_err();
    assert!(matches!(error, SettingsError::OpenToAll(_)) && error.to_string().contains("--users"), "{error}");
    assert!(check(&["--flight-addr", "[::]:1"]).is_err());
    assert_eq!(check(&["--flight-addr", "0.0.0.0:50051", "--users", "u"]), Ok(()));
    assert!(matches!(check(&["--http-addr", "127.0.0.1:50051"]), Err(SettingsError::SameAddress(_))));
    assert_eq!(check(&["--http-addr", "127.0.0.1:0", "--flight-addr", "127.0.0.1:0"]), Ok(()));
    assert!(matches!(
        check(&["--log-level", "a=loud"]),
        Err(SettingsError::Process(ProcessConfigError::LogLevel { .. }))
    ));
    let tls = world.alone(&["--worker", "w", "--tls-key", "a", "--tls-cert", "b"]).server.process.tls().unwrap();
    assert_eq!((tls.certificate.as_path(), tls.key.as_path()), (Path::new("b"), Path::new("a")));
}

#[test]
fn the_key_of_its_gateways_stands_for_users() {
    let world = world(&[]);
    let check = |args: &[&str]| {
        let args = [&["--worker", "w", "--flight-addr", "0.0.0.0:50051"], args].concat();
        world.alone(&args).server.validate_for_gateways()
    };
    assert_eq!(check(&[]), Err(SettingsError::NoKey));
    assert_eq!(check(&["--key-file", "k"]), Ok(()));
    assert_eq!(
        check(&["--key-file", "k", "--tls-cert", "a"]),
        Err(SettingsError::Process(ProcessConfigError::HalfTls))
    );
}
