//! The users file itself: reading, checking and adding lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use tavana_wire::{FailureKind, Role};

use super::limits::{MalformedLimit, UserLimits};
use super::scram::{self, Verifier};

/// A name longer than this is refused; PostgreSQL's limit as well.
const MAX_NAME_BYTES: usize = 63;
const MAX_PASSWORD_BYTES: usize = 1024;
/// A users file larger than this is a mistake: some 40,000 users.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What the user may do.
    pub role: Role,
    /// What proves the user's password.
    pub verifier: Verifier,
    /// What the user may have at once.
    pub limits: UserLimits,
}

/// One version of the users file.
#[derive(Debug, Default)]
pub struct UsersFile {
    users: BTreeMap<String, User>,
}

/// Why the users file cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum UsersFileError {
    /// It cannot be read.
    #[error("cannot read the users file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the users file {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A line is malformed.
    #[error("line {line} of the users file {}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is larger than any users file should be.
    #[error("the users file {} is larger than {MAX_FILE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// This name cannot be a user's.
    #[error(
        "a user's name has 1 to {MAX_NAME_BYTES} bytes, no `:`, no control characters, no space at its ends, and does not begin with `#`"
    )]
    Name,
    /// This password cannot be used.
    #[error("a password has 1 to {MAX_PASSWORD_BYTES} bytes and no control characters")]
    Password,
    /// The operating system gives no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandom,
}

impl UsersFileError {
    /// What went wrong, for metrics and exit messages.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. } | Self::Write { .. } => FailureKind::Io,
            Self::Line { .. } | Self::Name | Self::Password => FailureKind::InvalidRequest,
            Self::TooLarge { .. } => FailureKind::LimitExceeded,
            Self::NoRandom => FailureKind::Internal,
        }
    }
}

impl UsersFile {
    /// Reads and checks a users file.
    ///
    /// # Errors
    /// [`UsersFileError`]; a malformed line is named by its number.
    pub fn load(path: &Path) -> Result<Self, UsersFileError> {
        let read = |source| UsersFileError::Read { path: path.to_owned(), source };
        if fs::metadata(path).map_err(read)?.len() > MAX_FILE_BYTES {
            return Err(UsersFileError::TooLarge { path: path.to_owned() });
        }
        let text = fs::read_to_string(path).map_err(read)?;
        Self::parse(&text).map_err(|(line, reason)| UsersFileError::Line { path: path.to_owned(), line, reason })
    }

    /// Reads the text of a users file; an error is the line's number and what is wrong with it.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut users = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, user) = parse_line(line).map_err(|reason| (index + 1, reason))?;
            if users.insert(name.to_owned(), user).is_some() {
                return Err((index + 1, format!("the user `{name}` is there already")));
            }
        }
        Ok(Self { users })
    }

    /// The user with this name.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is no user at all.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The iterations that a check usually costs here.
    pub(super) fn iterations(&self) -> NonZeroU32 {
        self.users.values().map(|user| user.verifier.iterations()).max().unwrap_or(scram::ITERATIONS)
    }
}

fn parse_line(line: &str) -> Result<(&str, User), String> {
    let mut parts = line.splitn(3, ':');
    let (Some(name), Some(role), Some(verifier)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("expected name:role:verifier".to_owned());
    };
    check_name(name).map_err(|error| error.to_string())?;
    let role = role.parse().map_err(|error: tavana_wire::identity::UnknownRole| error.to_string())?;
    let (verifier, limits) = verifier.split_once(char::is_whitespace).unwrap_or((verifier, ""));
    let verifier = verifier.parse().map_err(|error: scram::MalformedVerifier| error.to_string())?;
    let limits = limits.parse().map_err(|error: MalformedLimit| error.to_string())?;
    Ok((name, User { role, verifier, limits }))
}

/// Checks that a name can be a user's.
///
/// # Errors
/// [`UsersFileError::Name`], which says what a name may be.
pub fn check_name(name: &str) -> Result<(), UsersFileError> {
    let fits = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.contains(|c: char| c == ':' || c.is_control())
        && !name.starts_with('#')
        && name.trim() == name;
    if fits { Ok(()) } else { Err(UsersFileError::Name) }
}

fn check_password(password: &str) -> Result<(), UsersFileError> {
    let fits = !password.is_empty() && password.len() <= MAX_PASSWORD_BYTES && !password.contains(char::is_control);
    if fits { Ok(()) } else { Err(UsersFileError::Password) }
}

/// Adds a user to the users file, or gives an existing one this role and password, and these limits where there are any. Everything
/// else in the file stays as it is. A file that is not there is made, readable by its owner only;
/// readers see the old version or the new one, never a half.
///
/// # Errors
/// [`UsersFileError`]: a name or password that cannot be used, or a file that cannot be read,
/// understood or written.
pub fn add(path: &Path, name: &str, role: Role, password: &str, limits: UserLimits) -> Result<(), UsersFileError> {
    check_name(name)?;
    check_password(password)?;
    let verifier = Verifier::of_password(password).ok_or(UsersFileError::NoRandom)?;
    let old = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(UsersFileError::Read { path: path.to_owned(), source }),
    };
    let parsed = UsersFile::parse(&old);
    let parsed = parsed.map_err(|(line, reason)| UsersFileError::Line { path: path.to_owned(), line, reason })?;
    let limits = limits.or(parsed.get(name).map(|user| user.limits).unwrap_or_default());
    let is_this_user = |line: &&str| line.trim().split_once(':').is_some_and(|(first, _)| first == name);
    let mut new: String = old.lines().filter(|line| !is_this_user(line)).map(|line| format!("{line}\n")).collect();
    new.push_str(&format!("{name}:{role}:{verifier}{limits}\n"));
    replace(path, &new).map_err(|source| UsersFileError::Write { path: path.to_owned(), source })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // A temporary file has mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const VERIFIER: &str = "SCRAM-SHA-256$4096:hAAc95s7kllAzm2/KDVYTw==$TG7LY/LXpFOE+Ug+DMqbX3y4a50m5vCEl7TUoP8WxtY=:rh+aNOAx872XB2Bttu09rY3iO7e5AX+Vuu8jbtg8+Pc=";

    #[test]
    fn comments_and_blank_lines_are_no_users() {
        let text = format!("# people\n\nalice:admin:{VERIFIER}\n  bob:reader:{VERIFIER}  \r\n");
        let file = UsersFile::parse(&text).unwrap();
        assert_eq!(file.len(), 2);
        assert_eq!(file.get("alice").unwrap().role, Role::Admin);
        assert_eq!(file.get("bob").unwrap().role, Role::Reader);
        assert!(file.get("carol").is_none());
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number() {
        let check = |line: &str, reason: &str| {
            let (number, told) = UsersFile::parse(&format!("# first\n{line}\n")).unwrap_err();
            assert_eq!(number, 2, "{line}");
            assert!(told.contains(reason), "{line}: {told}");
        };
        check("alice", "name:role:verifier");
        check("alice:admin", "name:role:verifier");
        check(&format!("alice:root:{VERIFIER}"), "not a role");
        check("alice:admin:secret", "SCRAM-SHA-256");
        check(&format!("alice:admin:{VERIFIER} max-running=many"), "max-running=COUNT");
        check(&format!(":admin:{VERIFIER}"), "name has 1 to");
        let (number, told) = UsersFile::parse(&format!("a:user:{VERIFIER}\na:user:{VERIFIER}")).unwrap_err();
        assert!(number == 2 && told.contains("already"));
    }

    #[test]
    fn adding_keeps_the_rest_and_replaces_a_user() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        add(&path, "alice", Role::User, "one", UserLimits::default()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("# our people\n{text}")).unwrap();
        add(&path, "bob", Role::Admin, "two", UserLimits::default()).unwrap();
        add(&path, "alice", Role::Reader, "three", UserLimits::default()).unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("# our people\n"));
        let file = UsersFile::load(&path).unwrap();
        assert_eq!(file.len(), 2);
        assert_eq!(file.get("alice").unwrap().role, Role::Reader);
        assert!(file.get("alice").unwrap().verifier.accepts("three"));
        assert!(file.get("bob").unwrap().verifier.accepts("two"));
        let limits: UserLimits = "max-running=4".parse().unwrap();
        add(&path, "bob", Role::Admin, "two", limits).unwrap();
        add(&path, "bob", Role::User, "four", UserLimits::default()).unwrap();
        let file = UsersFile::load(&path).unwrap();
        assert_eq!(file.get("bob").unwrap().limits, limits);
        assert!(file.get("bob").unwrap().verifier.accepts("four"));
    }

    #[test]
    fn names_and_passwords_that_would_break_the_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        for name in ["", "a:b", "a\nb", "#a", " a", "a ", &"n".repeat(64)] {
            let error = add(&path, name, Role::User, "secret", UserLimits::default()).unwrap_err();
            assert!(matches!(error, UsersFileError::Name), "{name:?}");
        }
        for password in ["", "a\nb", "a\0b", &"p".repeat(1025)] {
            let error = add(&path, "alice", Role::User, password, UserLimits::default()).unwrap_err();
            assert!(matches!(error, UsersFileError::Password), "{password:?}");
        }
        assert!(!path.exists());
    }

    #[test]
    fn a_broken_file_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        fs::write(&path, "not a user\n").unwrap();
        assert!(matches!(
            add(&path, "alice", Role::User, "secret", UserLimits::default()),
            Err(UsersFileError::Line { line: 1, .. })
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a user\n");
    }
}
