//! The frontend's port: connections in, each with a task of its own, none in the way of another.
//!
//! What a client can delay before its login is bounded: how many are there at once, and how long each may take.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus::{IntCounter, IntGauge, Registry};
use tavana_daemon::admin::Part;
use tavana_daemon::drain::Drain;
use tavana_daemon::listen::{Certificates, ListenError, TlsFiles, bind_tcp};
use tavana_daemon::login::ANONYMOUS;
use tavana_daemon::users::Users;
use tavana_wire::Role;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::either::Either;

use crate::activity::Activities;
use crate::cancel::Cancels;
use crate::error::PgError;
use crate::flight::Gateway;
use crate::login::login;
use crate::message::Status;
use crate::opening::Openings;
use crate::session::{Limits, Session};
use crate::settings::{DIALECT, Settings};
use crate::startup::{ALPN, Opened, Startup, open};
use crate::stream::Stream;

/// Connections that may be between TCP and the end of their login at once; with more of them the oldest are closed.
const MAX_OPENING: usize = 8192;
/// The time for TLS, startup and login together; PostgreSQL's `authentication_timeout`.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);
/// A client that is silent for so long is asked for a sign of life; with none for as long again its session ends.
const SILENCE: Duration = Duration::from_secs(60);
/// How long to wait when the process cannot take connections, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Between two questions whether the gateway answers.
const GATEWAY_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of a cancel key in protocol 3.0, and since 3.2.
const KEY_BYTES: [usize; 2] = [4, 32];

/// A bound port that speaks PostgreSQL's protocol.
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<(Certificates, TlsFiles)>,
}

/// What every connection uses.
struct Shared {
    gateway: Gateway,
    users: Option<Users>,
    database: String,
    cancels: Cancels,
    activities: Activities,
    limits: Limits,
    openings: Openings,
    places: Arc<Semaphore>,
    open: IntGauge,
    refused: IntCounter,
}

/// The frontend, ready to serve.
#[derive(Clone)]
pub struct Frontend {
    shared: Arc<Shared>,
}

/// What a frontend is built with.
pub struct Parts {
    /// Where statements go.
    pub gateway: Gateway,
    /// Who may log in; everybody may without.
    pub users: Option<Users>,
    /// The one database there is.
    pub database: String,
    /// What a session may hold.
    pub limits: Limits,
    /// Connections at once.
    pub connections: usize,
}

impl Listener {
    /// Binds a port and reads the certificate, if there is one.
    ///
    /// # Errors
    /// [`ListenError`], before anybody can connect.
    pub async fn bind(address: SocketAddr, tls: Option<TlsFiles>) -> Result<Self, ListenError> {
        let tls = match tls {
            Some(files) => Some((Certificates::load(files.clone(), &[ALPN])?, files)),
            None => None,
        };
        let tcp = bind_tcp(address).await?;
        let address = tcp.local_addr().map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self { tcp, address, tls })
    }

    /// Where clients connect to `database`, `postgresql://…`.
    pub fn uri(&self, database: &str) -> String {
        format!("postgresql://{}/{database}", self.address)
    }
}

impl Frontend {
    /// A frontend, with its metrics in `registry`.
    ///
    /// # Errors
    /// When `registry` has metrics of these names already.
    pub fn new(parts: Parts, registry: &Registry) -> Result<Self, prometheus::Error> {
        let open = IntGauge::new("tavana_pg_sessions_open", "PostgreSQL sessions that are open.")?;
        let refused = IntCounter::new("tavana_pg_logins_refused_total", "PostgreSQL logins that were refused.")?;
        registry.register(Box::new(open.clone()))?;
        registry.register(Box::new(refused.clone()))?;
        let shared = Shared {
            gateway: parts.gateway,
            users: parts.users,
            database: parts.database,
            cancels: Cancels::default(),
            activities: Activities::default(),
            limits: parts.limits,
            openings: Openings::new(MAX_OPENING),
            places: Arc::new(Semaphore::new(parts.connections)),
            open,
            refused,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Asks the gateway again and again whether it answers and tells `part`, until the future is dropped.
    pub async fn watch_gateway(&self, part: Part) {
        loop {
            match self.shared.gateway.answers().await {
                Ok(()) => part.ready(),
                Err(reason) => part.not_ready(format!("the gateway does not answer: {reason}")),
            }
            tokio::time::sleep(GATEWAY_INTERVAL).await;
        }
    }

    /// Serves until the drain is requested; sessions that run a statement then have `patience` to end it.
    pub async fn serve(self, listener: Listener, drain: Drain, patience: Duration) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = drain.requested() => break,
                accepted = listener.tcp.accept() => match accepted {
                    Ok((tcp, _)) => self.accept(&mut connections, tcp, listener.tls.as_ref(), &drain),
                    Err(error) => {
                        tracing::warn!(%error, "cannot take new PostgreSQL connections now");
                        self.shared.openings.make_room();
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all_ended).await.is_err() {
            tracing::warn!(sessions = connections.len(), "the time to drain is over; PostgreSQL sessions are cut");
        }
        connections.shutdown().await;
    }

    fn accept(
        &self,
        connections: &mut JoinSet<()>,
        tcp: TcpStream,
        tls: Option<&(Certificates, TlsFiles)>,
        drain: &Drain,
    ) {
        let opening = self.shared.openings.begin();
        let client = tcp.peer_addr().ok();
        let acceptor = tls.map(|(certificates, _)| certificates.acceptor());
        let certificate = tls.map(|(_, files)| files.certificate.clone());
        let (shared, drain) = (Arc::clone(&self.shared), drain.clone());
        connections.spawn(async move {
            let begun = async {
                // Small replies must not wait for the acknowledgement of earlier ones.
                tcp.set_nodelay(true).ok()?;
                keep_alive(&tcp).ok()?;
                match open(tcp, acceptor).await {
                    Ok(Startup::Session(opened)) => {
                        // For channel binding.
                        let is_encrypted = matches!(opened.transport, Either::Right(_));
                        let certificate =
                            certificate.filter(|_| is_encrypted).and_then(|path| std::fs::read(path).ok());
                        shared.begin(*opened, certificate, client).await
                    }
                    Ok(Startup::Cancel { process, key }) => {
                        shared.cancels.cancel(process, &key);
                        None
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a PostgreSQL connection came to nothing");
                        None
                    }
                }
            };
            let begun = tokio::select! {
                begun = tokio::time::timeout(LOGIN_TIMEOUT, begun) => begun.ok().flatten(),
                () = opening.lost() => None,
            };
            drop(opening);
            let Some(session) = begun else {
                shared.refused.inc();
                return;
            };
            shared.open.inc();
            session.serve(drain).await;
            shared.open.dec();
        });
    }
}

/// Has the system ask a silent client whether it is still there: one whose machine is gone says nothing for ever.
fn keep_alive(tcp: &TcpStream) -> std::io::Result<()> {
    use rustix::net::sockopt;
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_tcp_keepidle(tcp, SILENCE)?;
    sockopt::set_tcp_keepintvl(tcp, SILENCE / 4)?;
    Ok(sockopt::set_tcp_keepcnt(tcp, 4)?)
}

impl Shared {
    /// Logs a client in and begins its session; `None` when it was told why not.
    async fn begin(&self, opened: Opened, certificate: Option<Vec<u8>>, client: Option<SocketAddr>) -> Option<Session> {
        let Opened { transport, minor, negotiate, parameters } = opened;
        let mut stream = Stream::new(transport);
        if let Some(unknown) = &negotiate {
            stream.reply.negotiate(minor, unknown);
        }
        match self.session(stream, minor, &parameters, certificate.as_deref(), client).await {
            Ok(session) => Some(session),
            Err((mut stream, error)) => {
                stream.reply.error(&error);
                stream.close().await;
                None
            }
        }
    }

    async fn session(
        &self,
        mut stream: Stream,
        minor: u32,
        parameters: &BTreeMap<String, String>,
        certificate: Option<&[u8]>,
        client: Option<SocketAddr>,
    ) -> Result<Session, (Stream, PgError)> {
        let Some(user) = parameters.get("user").filter(|user| !user.is_empty()) else {
            return Err((stream, PgError::fatal("28000", "no PostgreSQL user name specified in startup packet")));
        };
        if let Err(error) = login(&mut stream, self.users.as_ref(), user, certificate).await {
            return Err((stream, error));
        }
        // The place of a session in the server; superfluous ones are told at once.
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Err((stream, PgError::fatal("53300", "sorry, too many clients already")));
        };
        // A client that names none means the one named like its user, which nobody has here: it gets what there is.
        let database = parameters.get("database").filter(|database| !database.is_empty());
        let elsewhere = database.filter(|database| **database != self.database).cloned();
        if let Some(name) = elsewhere.as_deref().filter(|name| !is_catalog_name(name)) {
            return Err((stream, self.no_database(name)));
        }
        let mut settings = match start_settings(user, parameters) {
            Ok(settings) => settings,
            Err(error) => return Err((stream, PgError { severity: crate::error::Severity::Fatal, ..error })),
        };
        settings.catalog = elsewhere;
        // Without users everybody is the same user to the gateway, whatever name a client gives.
        let principal = if self.users.is_some() { user.as_str() } else { ANONYMOUS };
        let mut flight = match self.gateway.login(principal).await {
            Ok(flight) => flight,
            Err(error) => return Err((stream, PgError { severity: crate::error::Severity::Fatal, ..error })),
        };
        let mut dialect: Vec<String> = DIALECT.iter().map(|statement| (*statement).to_owned()).collect();
        dialect.extend(settings.duckdb(None));
        if let Err(status) = flight.run(&dialect.join("; "), None).await {
            if let (Some(name), tonic::Code::NotFound) = (&settings.catalog, status.code()) {
                return Err((stream, self.no_database(name)));
            }
            let error = PgError { severity: crate::error::Severity::Fatal, ..PgError::from_status(&status, None) };
            return Err((stream, error));
        }
        let Some(cancel) = self.cancels.register(KEY_BYTES[usize::from(minor >= 2)]) else {
            return Err((stream, PgError::fatal("XX000", "the operating system gave no random numbers")));
        };
        settings.process = cancel.process;
        // Without users there is nobody to hide from.
        let sees_all = self.users.as_ref().is_none_or(|users| users.role(user) == Some(Role::Admin));
        let presence = self.activities.enter(cancel.process, user, client, sees_all);
        presence.rest(Status::Idle, &settings);
        settings.report(None, &mut stream.reply);
        stream.reply.backend_key(cancel.process, &cancel.key);
        Ok(Session::new(stream, flight, settings, (cancel, presence), place, self.limits))
    }

    fn no_database(&self, name: &str) -> PgError {
        let error = PgError::fatal("3D000", format!("database \"{name}\" does not exist"));
        error.with_hint(format!(
            "The database is called \"{}\"; catalogs of the server can be named, too.",
            self.database
        ))
    }
}

/// Whether a catalog of users' tables may have this name: it needs no quotes, and is none of the server's own.
fn is_catalog_name(name: &str) -> bool {
    const OWN: [&str; 5] = ["pgc", "pgc_rows", "system", "temp", "tavana"];
    let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    is_plain && !OWN.contains(&name) && !name.starts_with("__")
}

/// The settings that a startup packet asks for.
fn start_settings(user: &str, parameters: &BTreeMap<String, String>) -> Result<Settings, PgError> {
    let mut settings = Settings::new(user);
    for (name, value) in parameters {
        match name.as_str() {
            "user" | "database" | "replication" => {}
            "options" => {
                for (name, value) in options(value) {
                    settings.start(&name, &value)?;
                }
            }
            name => settings.start(name, value)?,
        }
    }
    Ok(settings)
}

/// The settings in `options`: `-c name=value` and `--name=value`; a backslash keeps a space.
fn options(text: &str) -> Vec<(String, String)> {
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => words.last_mut().into_iter().for_each(|word| word.extend(characters.next())),
            ' ' | '\t' | '\n' => words.push(String::new()),
            other => words.last_mut().into_iter().for_each(|word| word.push(other)),
        }
    }
    let words = words.into_iter().filter(|word| !word.is_empty() && word != "-c");
    let setting = |word: String| {
        let word = word.strip_prefix("--").or_else(|| word.strip_prefix("-c")).unwrap_or(&word).to_owned();
        word.split_once('=').map(|(name, value)| (name.replace('-', "_"), value.to_owned()))
    };
    words.filter_map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_settings() {
        let read = options(r"-c statement_timeout=5s --search-path=a\ b -cjit=off  ");
        let wanted = [("statement_timeout", "5s"), ("search_path", "a b"), ("jit", "off")];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read, wanted);
    }
}
