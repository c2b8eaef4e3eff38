//! SCRAM-SHA-256 verifiers, exactly as PostgreSQL stores them.
//!
//! A verifier proves a password without revealing it (RFC 5802, RFC 7677). One verifier serves
//! both protocols: here a whole password is checked against it, and a PostgreSQL frontend can run SCRAM
//! itself with it. PostgreSQL also normalises passwords (SASLprep) before it hashes them; that changes
//! nothing for ASCII and for composed Unicode text, which is all that people type.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac, pbkdf2};

const SCHEME: &str = "SCRAM-SHA-256";
const KEY_BYTES: usize = digest::SHA256_OUTPUT_LEN;
/// PostgreSQL's default.
const SALT_BYTES: usize = 16;
const MAX_SALT_BYTES: usize = 1024;
/// PostgreSQL's default.
pub(super) const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
/// About a second of work: a users file must not be able to stop the process from serving.
const MAX_ITERATIONS: u32 = 1_000_000;

/// What a server keeps of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: [u8; KEY_BYTES],
    server_key: [u8; KEY_BYTES],
}

/// A text that is no verifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected {SCHEME}$<iterations>:<salt>$<StoredKey>:<ServerKey> with at most {MAX_ITERATIONS} iterations")]
pub struct MalformedVerifier;

impl Verifier {
    /// A verifier of a new password, with a random salt; `None` when the operating system gives
    /// no random numbers.
    pub fn of_password(password: &str) -> Option<Self> {
        let mut salt = vec![0; SALT_BYTES];
        SystemRandom::new().fill(&mut salt).ok()?;
        Some(Self::derive(password, salt, ITERATIONS))
    }

    /// The verifier of a password with this salt and these iterations: milliseconds of work.
    pub(super) fn derive(password: &str, salt: Vec<u8>, iterations: NonZeroU32) -> Self {
        let mut salted = [0; KEY_BYTES];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, iterations, &salt, password.as_bytes(), &mut salted);
        let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let server_key = hmac::sign(&salted, b"Server Key");
        Self { iterations, salt, stored_key: key(stored_key.as_ref()), server_key: key(server_key.as_ref()) }
    }

    /// A verifier of nobody: it costs what a real one costs and no password fits it. `salt` and
    /// `keys` are noise of 32 bytes.
    pub(super) fn decoy(iterations: NonZeroU32, salt: &[u8], keys: &[u8]) -> Self {
        Self { iterations, salt: salt[..SALT_BYTES].to_vec(), stored_key: key(keys), server_key: key(keys) }
    }

    /// Whether this is the password: milliseconds of work, whatever the answer.
    pub fn accepts(&self, password: &str) -> bool {
        let derived = Self::derive(password, self.salt.clone(), self.iterations);
        let pairs = derived.stored_key.iter().zip(&self.stored_key);
        // Never stops early, so that the time taken tells nothing.
        pairs.fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }

    /// How often the password is hashed.
    pub fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }

    /// The salt, which SCRAM sends to the client.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// What a client's proof is checked against.
    pub fn stored_key(&self) -> &[u8; KEY_BYTES] {
        &self.stored_key
    }

    /// What the server proves itself with.
    pub fn server_key(&self) -> &[u8; KEY_BYTES] {
        &self.server_key
    }
}

/// The 32 bytes of a SHA-256 digest.
fn key(bytes: &[u8]) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(bytes);
    key
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored, server] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(|bytes| STANDARD.encode(bytes));
        write!(f, "{SCHEME}${}:{salt}${stored}:{server}", self.iterations)
    }
}

impl fmt::Debug for Verifier {
    /// Whoever has a verifier can guess its password at leisure: it stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl FromStr for Verifier {
    type Err = MalformedVerifier;

    fn from_str(text: &str) -> Result<Self, MalformedVerifier> {
        parse(text).ok_or(MalformedVerifier)
    }
}

fn parse(text: &str) -> Option<Verifier> {
    let (iterations, rest) = text.strip_prefix(SCHEME)?.strip_prefix('$')?.split_once(':')?;
    let (salt, keys) = rest.split_once('$')?;
    let (stored_key, server_key) = keys.split_once(':')?;
    let decode = |text: &str| STANDARD.decode(text).ok();
    let key = |text: &str| <[u8; KEY_BYTES]>::try_from(decode(text)?).ok();
    Some(Verifier {
        iterations: iterations.parse().ok().filter(|n: &NonZeroU32| n.get() <= MAX_ITERATIONS)?,
        salt: decode(salt).filter(|salt| !salt.is_empty() && salt.len() <= MAX_SALT_BYTES)?,
        stored_key: key(stored_key)?,
        server_key: key(server_key)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `CREATE ROLE … PASSWORD 'pencil'` in PostgreSQL 15.18.
    const POSTGRESQL_PENCIL: &str = "SCRAM-SHA-256$4096:hAAc95s7kllAzm2/KDVYTw==$TG7LY/LXpFOE+Ug+DMqbX3y4a50m5vCEl7TUoP8WxtY=:rh+aNOAx872XB2Bttu09rY3iO7e5AX+Vuu8jbtg8+Pc=";
    /// `CREATE ROLE … PASSWORD 'Grüße, 世界'` in PostgreSQL 15.18.
    const POSTGRESQL_UNICODE: &str = "SCRAM-SHA-256$4096:FSMSUmqJ9gPtXUsl8rswsA==$9FPK6hgZfyKOEHvzjIVYX5XfSb3Zx0oIw+hENhSv2HI=:L5Z6xJzGTsfBRRzqht+CtL5ubnKIelT74cpluFFoEQM=";

    #[test]
    fn verifiers_made_by_postgresql_are_read_and_made_alike() {
        for (text, password) in [(POSTGRESQL_PENCIL, "pencil"), (POSTGRESQL_UNICODE, "Grüße, 世界")] {
            let verifier: Verifier = text.parse().unwrap();
            assert!(verifier.accepts(password));
            assert!(!verifier.accepts("Pencil"));
            let ours = Verifier::derive(password, verifier.salt().to_vec(), verifier.iterations());
            assert_eq!(ours.to_string(), text);
        }
    }

    /// The exchange that RFC 7677 prints: the keys of the verifier must give its proof and signature.
    #[test]
    fn the_keys_are_those_of_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::derive("pencil", salt, ITERATIONS);
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let exchange =
            format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}");
        let sign = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), exchange.as_bytes());
        let signature = STANDARD.encode(sign(verifier.server_key()));
        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let client_signature = sign(verifier.stored_key());
        let client_key: Vec<u8> = proof.iter().zip(client_signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        assert_eq!(stored_key.as_ref(), verifier.stored_key());
    }

    #[test]
    fn two_verifiers_of_one_password_differ() {
        let [one, two] = [(), ()].map(|()| Verifier::of_password("secret").unwrap());
        assert_ne!(one.to_string(), two.to_string());
        assert!(one.accepts("secret") && two.accepts("secret"));
        assert_eq!(one.to_string().parse(), Ok(one));
    }

    #[test]
    fn what_is_no_verifier_is_refused() {
        let changed = |from: &str, to: &str| POSTGRESQL_PENCIL.replacen(from, to, 1);
        for bad in [
            String::new(),
            "md5c8b2b0f7c1d0b5d2a5c3b0f7c1d0b5d2".to_owned(),
            changed("256$4096", "256$0"),
            changed("256$4096", "256$4000000"),
            changed("256$4096", "256$-1"),
            changed("hAAc95s7kllAzm2/KDVYTw==", ""),
            changed("SCRAM", "scram"),
            changed("$TG7L", "$TG7"),
            changed("TG7L", ""),
            format!("{POSTGRESQL_PENCIL}:x"),
        ] {
            assert_eq!(bad.parse::<Verifier>(), Err(MalformedVerifier), "{bad}");
        }
    }
}
