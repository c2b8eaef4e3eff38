//! What a client shows of itself: the credentials in headers and in a handshake's first message.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName, header};
use prost::Message as _;

use super::LoginError;

/// The header in which older pyarrow clients return what the handshake gave them.
const AUTH_TOKEN_BIN: HeaderName = HeaderName::from_static("auth-token-bin");

/// Clients differ: the Go driver sends no padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a client shows.
#[derive(PartialEq, Eq)]
pub(super) enum Credential {
    /// A session token.
    Token(String),
    /// A name and a password.
    Password(Password),
    /// Nothing.
    None,
}

/// A name and a password. No `Debug`, so that it cannot be logged by accident.
#[derive(PartialEq, Eq)]
pub(super) struct Password {
    pub(super) name: String,
    pub(super) password: String,
}

/// Flight's `BasicAuth` message.
#[derive(Clone, PartialEq, prost::Message)]
struct BasicAuth {
    #[prost(string, tag = "2")]
    username: String,
    #[prost(string, tag = "3")]
    password: String,
}

impl Credential {
    /// The credential in the headers of a call, the session cookie apart.
    pub(super) fn in_headers(headers: &HeaderMap) -> Result<Self, LoginError> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            return Self::in_authorization(value.to_str().map_err(|_| LoginError::Malformed)?);
        }
        let Some(value) = headers.get(AUTH_TOKEN_BIN) else { return Ok(Self::None) };
        let token = BASE64.decode(value.as_bytes()).ok().and_then(|token| String::from_utf8(token).ok());
        token.map(Self::Token).ok_or(LoginError::Malformed)
    }

    fn in_authorization(value: &str) -> Result<Self, LoginError> {
        let (scheme, rest) = value.trim().split_once(' ').ok_or(LoginError::Malformed)?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Self::Token(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(LoginError::Scheme);
        }
        let text = BASE64.decode(rest).ok().and_then(|text| String::from_utf8(text).ok());
        let text = text.ok_or(LoginError::Malformed)?;
        let (name, password) = text.split_once(':').ok_or(LoginError::Malformed)?;
        Ok(Self::Password(Password { name: name.to_owned(), password: password.to_owned() }))
    }

    /// The credential in the first message of a handshake.
    pub(super) fn in_payload(payload: &[u8]) -> Result<Self, LoginError> {
        let message = BasicAuth::decode(payload).map_err(|_| LoginError::Malformed)?;
        Ok(Self::Password(Password { name: message.username, password: message.password }))
    }
}

/// A handshake's first message with this name and password, as clients send it.
#[cfg(test)]
pub(super) fn payload(username: &str, password: &str) -> Vec<u8> {
    BasicAuth { username: username.to_owned(), password: password.to_owned() }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Result<Credential, LoginError> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Credential::in_headers(&headers)
    }

    fn password(name: &str, password: &str) -> Credential {
        Credential::Password(Password { name: name.to_owned(), password: password.to_owned() })
    }

    #[test]
    fn every_way_that_clients_use_is_understood() {
        let token = || Credential::Token("abc".to_owned());
        assert!(read("authorization", "Bearer abc") == Ok(token()));
        assert!(read("authorization", "bearer   abc ") == Ok(token()));
        assert!(read("auth-token-bin", "YWJj") == Ok(token()));
        // `al:se:cret`: the name ends at the first colon; with padding and without.
        assert!(read("authorization", "Basic YWw6c2U6Y3JldA==") == Ok(password("al", "se:cret")));
        assert!(read("authorization", "basic YWw6c2U6Y3JldA") == Ok(password("al", "se:cret")));
        assert!(Credential::in_payload(&payload("al", "se:cret")) == Ok(password("al", "se:cret")));
        assert!(read("x-other", "abc") == Ok(Credential::None));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_not_a_stranger() {
        for value in ["Bearer", "Basic", "Basic !!!", "Basic YWI=", "Basic /w==", "\u{fc}"] {
            assert!(read("authorization", value) == Err(LoginError::Malformed), "{value}");
        }
        assert!(read("authorization", "Negotiate abc") == Err(LoginError::Scheme));
        assert!(read("auth-token-bin", "%%") == Err(LoginError::Malformed));
        assert!(Credential::in_payload(&[0xff; 3]) == Err(LoginError::Malformed));
    }
}
