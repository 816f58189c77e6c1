//! The backup password: from wherever the caller put it, else from the terminal.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::{Failure, SecretArguments, eprint};
use crate::source::Secrets;

/// What `MVT` reads too.
const PASSWORD_VARIABLE: &str = "MVT_IOS_BACKUP_PASSWORD";
const ANDROID_PASSWORD_VARIABLE: &str = "MVT_ANDROID_BACKUP_PASSWORD";

/// The secrets that the command line gives.
pub(super) struct Given {
    password: Option<Zeroizing<String>>,
    key: Option<Zeroizing<[u8; 32]>>,
    /// Of age, in the same file as a key of an iOS backup would be.
    identity: Option<Zeroizing<String>>,
}

impl Given {
    pub fn new(arguments: &SecretArguments) -> Result<Given, Failure> {
        let (mut key, mut identity) = (None, None);
        if let Some(path) = arguments.key_file.as_deref() {
            let text = beginning(path)?;
            if text.lines().any(|line| line.trim_start().starts_with(IDENTITY)) {
                identity = Some(text);
            } else {
                key = Some(read_key(path, &text)?);
            }
        }
        let password = if let Some(path) = &arguments.password_file {
            Some(first_line(path)?)
        } else if let Some(descriptor) = arguments.password_fd {
            Some(first_line(Path::new(&format!("/dev/fd/{descriptor}")))?)
        } else if let Some(password) = &arguments.password {
            eprint("warning: a password on the command line can be seen by other users of this computer\n");
            Some(Zeroizing::new(password.clone()))
        } else {
            None
        };
        Ok(Given { password, key, identity })
    }

    /// What was given, else what the environment says, else what is typed.
    fn password_or(&self, variable: &str) -> Option<Zeroizing<String>> {
        if self.password.is_some() {
            return self.password.clone();
        }
        if let Ok(password) = std::env::var(variable) {
            return Some(Zeroizing::new(password));
        }
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let question = "This backup is encrypted. Its password (nothing is shown while you type): ";
        rpassword::prompt_password(question).ok().map(Zeroizing::new)
    }
}

impl Secrets for Given {
    fn password(&self) -> Option<Zeroizing<String>> {
        self.password_or(PASSWORD_VARIABLE)
    }

    fn android_password(&self) -> Option<Zeroizing<String>> {
        self.password_or(ANDROID_PASSWORD_VARIABLE)
    }

    fn identity(&self) -> Option<Zeroizing<String>> {
        self.identity.clone()
    }

    fn key(&self) -> Option<Zeroizing<[u8; 32]>> {
        self.key.clone()
    }

    fn deriving(&self, started: bool) {
        if started && std::io::stderr().is_terminal() {
            eprint("Checking the password; this is slow on purpose and takes some seconds\n");
        }
    }
}

/// How the line of an age identity file begins that holds the key.
const IDENTITY: &str = "AGE-SECRET-KEY-1";
/// Longer than any key file, with its comments.
const LONGEST_KEY_FILE: u64 = 64 << 10;

/// The text of a key file, as far as it is text.
#[expect(clippy::disallowed_methods, reason = "the user names a file that holds the key")]
fn beginning(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure::read(path, error))?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LONGEST_KEY_FILE).read_to_end(&mut bytes).map_err(|error| Failure::read(path, error))?;
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The first line of a file, without its end.
#[expect(clippy::disallowed_methods, reason = "the user names a file that holds the password")]
fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure::read(path, error))?;
    let mut line = Zeroizing::new(String::new());
    BufReader::new(file).read_line(&mut line).map_err(|error| Failure::read(path, error))?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}

/// 64 hexadecimal digits; white space around them and upper case are accepted.
fn read_key(path: &Path, text: &str) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let line = text.lines().next().unwrap_or_default();
    let bytes = crate::record::unhex(line.trim()).map(Zeroizing::new);
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    key.map(Zeroizing::new).ok_or_else(|| {
        Failure::Key(format!(
            "`{}` holds neither a key of 64 hexadecimal digits nor an age key",
            path.display()
        ))
    })
}
