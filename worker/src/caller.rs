//! Who calls, and what the reply tells about the session.
//!
//! A worker that belongs to gateways believes the session token a gateway hands on, next to the gateway's own service
//! token, and refuses everybody else. A worker alone logs its clients in as a gateway does.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Extensions, HeaderMap};
use tavana_daemon::login::Login;
use tavana_wire::estimate::{self, Estimate};
use tavana_wire::handle::Work;
use tavana_wire::{Failure, FailureKind, Handle, QueryId, Role, Sealer, SessionState, WorkerId, headers, seal};

use crate::memory::meter::{Meter, Run};
use crate::memory::room::Room;

/// Whom a worker serves.
#[derive(Clone)]
pub enum Trust {
    /// Gateways that hold the same key, and nobody else.
    Gateways,
    /// Clients, after their login.
    Clients(Arc<Login>),
}

/// Finds out who calls.
#[derive(Clone)]
pub(crate) struct Callers {
    pub(crate) trust: Trust,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) session_life: Duration,
    pub(crate) worker_id: WorkerId,
    pub(crate) meter: Meter,
}

/// One call: its session, and whether the reply must tell the client of a new token.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) session: SessionState,
    /// The client presented this session's token, so that state can be tied to it.
    pub(crate) kept: bool,
    pub(crate) query_id: QueryId,
    /// What it may do with the worker's memory.
    pub(crate) room: Room,
    /// How big the gateway thinks its statement is.
    pub(crate) estimate: Option<Estimate>,
    /// Measures its statement.
    pub(crate) run: Run,
    /// A gateway calls.
    pub(crate) from_gateway: bool,
    /// The gateway has ended the statement that a `KILL` of this call names.
    pub(crate) killed: bool,
    renew: bool,
}

impl Callers {
    /// Who calls with these headers, and what for a room it was given.
    ///
    /// # Errors
    /// `Unauthenticated` for whom we do not know, `PermissionDenied` for clients that bypass the gateway.
    pub(crate) async fn identify(&self, request: &HeaderMap, given: &Extensions) -> Result<Call, Failure> {
        let room = given.get::<Room>().cloned().unwrap_or_default();
        match &self.trust {
            Trust::Gateways => self.behind_gateway(request, room),
            Trust::Clients(login) => {
                let caller = login.identify(request).await?;
                Ok(Call {
                    session: caller.session,
                    kept: caller.kept,
                    query_id: QueryId::random(),
                    room,
                    estimate: None,
                    run: self.meter.run(),
                    from_gateway: false,
                    killed: false,
                    renew: caller.renew,
                })
            }
        }
    }

    /// Forgets a session that was closed.
    pub(crate) fn forget(&self, session: &SessionState) {
        if let Trust::Clients(login) = &self.trust {
            login.forget(session);
        }
    }

    /// Whether a gateway of ours speaks: then its other headers are believed.
    pub(crate) fn is_gateway(&self, request: &HeaderMap) -> bool {
        let service = request.get(headers::SERVICE).and_then(|value| value.to_str().ok());
        let service = service.and_then(|service| self.sealer.open_text(service, SystemTime::now()).ok());
        let is_proven = service.is_some_and(|service| matches!(service.work, Some(Work::Service(_))));
        is_proven && matches!(self.trust, Trust::Gateways)
    }

    fn behind_gateway(&self, request: &HeaderMap, room: Room) -> Result<Call, Failure> {
        if !self.is_gateway(request) {
            let message = "this worker serves its gateways only; connect to the gateway";
            return Err(Failure::new(FailureKind::Unauthenticated, message));
        }
        let now = SystemTime::now();
        let text = |name| request.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let session = match text(headers::SESSION) {
            Some(token) => self.sealer.open_text(token, now)?.into_session()?,
            // The gateway itself asks how the worker is.
            None => SessionState::new("", Role::Reader),
        };
        let query_id = text(headers::QUERY_ID).and_then(|id| id.parse().ok()).unwrap_or_else(QueryId::random);
        Ok(Call {
            session,
            kept: request.contains_key(headers::SESSION_KEPT),
            query_id,
            room,
            estimate: estimate::read(request, headers::ESTIMATE),
            run: self.meter.run(),
            from_gateway: true,
            killed: request.contains_key(headers::KILLED),
            renew: false,
        })
    }

    /// Puts the session's token into the headers of a reply, if the client has to learn it; and for gateways, who we are.
    pub(crate) fn tell(&self, call: &Call, reply: &mut HeaderMap) {
        match &self.trust {
            Trust::Gateways => {
                if let Ok(id) = http::HeaderValue::try_from(self.worker_id.to_string()) {
                    reply.insert(headers::WORKER, id);
                }
            }
            Trust::Clients(login) if call.renew => login.remember(&call.session),
            Trust::Clients(_) => {}
        }
        if call.renew {
            let expires = seal::expiry(SystemTime::now(), self.session_life);
            let handle = Handle::session_token(call.session.clone(), expires);
            headers::give_session(reply, &self.sealer.seal_text(&handle));
        }
    }
}

impl Call {
    #[cfg(test)]
    pub(crate) fn of(session: SessionState, query_id: QueryId) -> Self {
        let (room, run) = (Room::Free, Meter::new(1).run());
        let (kept, killed, from_gateway, renew) = (false, false, false, false);
        Self { session, kept, query_id, room, estimate: None, run, from_gateway, killed, renew }
    }

    /// Changes the session; the reply will carry the new token.
    pub(crate) fn change_session(&mut self, session: SessionState) {
        self.session = session;
        self.renew = true;
    }

    /// Makes the call part of the session that a transaction or ticket handle names.
    ///
    /// # Errors
    /// `PermissionDenied` when the handle was issued to another principal.
    pub(crate) fn join(&mut self, handle: &Handle) -> Result<(), Failure> {
        handle.check_principal(&self.session.principal)?;
        if let Some(session) = &handle.session
            && session.session_id != self.session.session_id
        {
            self.session = session.clone();
            self.kept = true;
            self.renew = false;
        }
        Ok(())
    }

    /// The statement of the call, where the caller is told how big it was: only gateways are.
    pub(crate) fn measured(&self) -> Option<Run> {
        self.from_gateway.then(|| self.run.clone())
    }

    pub(crate) fn role(&self) -> Role {
        self.session.role()
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.role() == Role::Admin
    }
}
