//! Who a client is: SCRAM-SHA-256 against the users file, or nobody in particular.
//!
//! The exchange itself is pgwire's; what is ours is where verifiers come from. A name that nobody has gets a decoy
//! that no password fits, so that a stranger cannot tell names apart.

use bytes::Bytes;
use pgwire::api::auth::sasl::scram::{ScramSecret, ScramServerAuth};
use tavana_daemon::users::Users;

use crate::error::PgError;
use crate::message::{Fields, MAX_LOGIN_BYTES};
use crate::stream::{Stream, StreamError};

const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;
const OK: u32 = 0;
const SCRAM: &str = "SCRAM-SHA-256";
/// Bound to the certificate of the connection, so that nobody in the middle can pass it on.
const SCRAM_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// Lets a client in, or tells why not.
///
/// `certificate` is the server's, in PEM, where the connection has TLS.
///
/// # Errors
/// [`PgError`] with severity FATAL; 28P01 for a wrong name or password.
pub async fn login(
    stream: &mut Stream,
    users: Option<&Users>,
    name: &str,
    certificate: Option<&[u8]>,
) -> Result<(), PgError> {
    if let Some(users) = users {
        scram(stream, users, name, certificate).await?;
    }
    stream.reply.authentication(OK, &[]);
    Ok(())
}

async fn scram(stream: &mut Stream, users: &Users, name: &str, certificate: Option<&[u8]>) -> Result<(), PgError> {
    let mut server = ScramServerAuth::new();
    if let Some(pem) = certificate {
        // A key of a kind that pgwire has no digest for leaves channel binding out.
        let _ = server.configure_certificate(pem);
    }
    let mechanisms = if server.supports_channel_binding() { &[SCRAM_PLUS, SCRAM][..] } else { &[SCRAM] };
    let mut offer: Vec<u8> = mechanisms.iter().flat_map(|name| [name.as_bytes(), &[0]].concat()).collect();
    offer.push(0);
    stream.reply.authentication(SASL, &offer);

    let mut first = Fields(password_message(stream).await?);
    let malformed = || PgError::fatal("08P01", "malformed SASL message");
    let mechanism = first.text().map_err(|_| malformed())?;
    if !mechanisms.contains(&mechanism.as_str()) {
        return Err(PgError::fatal("08P01", "client selected an invalid SASL authentication mechanism"));
    }
    let length = first.u32().map_err(|_| malformed())? as usize;
    if length != first.0.len() {
        return Err(malformed());
    }
    let verifier = users.verifier(name);
    let secret = ScramSecret::Verifier {
        salt: verifier.salt().to_vec(),
        iterations: verifier.iterations().get() as usize,
        stored_key: verifier.stored_key().to_vec(),
        server_key: verifier.server_key().to_vec(),
    };
    let (challenge, server) = server.on_client_first_message_with_secret(&first.0, secret).map_err(|_| malformed())?;
    stream.reply.authentication(SASL_CONTINUE, challenge.as_bytes());
    let answer = password_message(stream).await?;
    let rejected = || PgError::fatal("28P01", format!("password authentication failed for user \"{name}\""));
    let proof = server.on_client_final_message(&answer).map_err(|_| rejected())?;
    // A decoy's noise fits nobody; still the file has the last word.
    users.role(name).ok_or_else(rejected)?;
    stream.reply.authentication(SASL_FINAL, proof.as_bytes());
    Ok(())
}

async fn password_message(stream: &mut Stream) -> Result<Bytes, PgError> {
    match stream.next(MAX_LOGIN_BYTES).await {
        Ok((b'p', body)) => Ok(body),
        Ok(_) => Err(PgError::fatal("08P01", "expected an answer to the authentication request")),
        Err(StreamError::Message(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}
