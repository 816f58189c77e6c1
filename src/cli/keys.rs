//! `decrypt` and `extract-key`: the two verbs that write something secret, and only because they were asked to.

use std::io::Write;

use zeroize::Zeroizing;

use super::secrets::Given;
use super::{DecryptArguments, ExtractKeyArguments, Failure, SecretArguments, eprint, print};
use crate::report::terminal::safe;
use crate::source;

pub(super) fn decrypt(arguments: &DecryptArguments) -> Result<u8, Failure> {
    let secrets = Given::new(&arguments.secrets)?;
    super::scan::outside(&arguments.destination, &arguments.path)?;
    let source = source::open(&arguments.path, &secrets, &source::Options::default())?;
    let mut files = 0_u64;
    source::decrypt_to(&*source, &arguments.destination, &mut |_, _| files += 1, &mut |problem| {
        eprint(&format!("warning: {}\n", safe(&problem.to_string())));
    })?;
    print(&format!(
        "Decrypted {files} files into {}\nThis copy is readable by anyone who can open it: delete it when it is no longer needed.\n",
        arguments.destination.display()
    ));
    Ok(0)
}

pub(super) fn extract(arguments: &ExtractKeyArguments) -> Result<u8, Failure> {
    let secrets = Given::new(&SecretArguments {
        password: arguments.password.clone(),
        password_file: arguments.password_file.clone(),
        password_fd: arguments.password_fd,
        key_file: None,
    })?;
    let key = source::derive_key(&arguments.path, &secrets)?;
    let text = Zeroizing::new(crate::record::hex(&*key));
    match &arguments.key_file {
        None => print(&format!("{}\n", &*text)),
        Some(path) => {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path).map_err(|error| Failure::write(path, error))?;
            file.write_all(text.as_bytes()).map_err(|error| Failure::write(path, error))?;
            print(&format!(
                "The key is in {}. It opens this backup like its password does.\n",
                path.display()
            ));
        }
    }
    Ok(0)
}
