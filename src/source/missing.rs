//! Files that a backup lists and does not hold, counted by domain: a copy that was filtered or cut short tells its limits.

use std::collections::BTreeMap;

use super::{SourceError, domains::device_path};

/// A phone has some hundred domains; a manifest made to fill memory may have as many as files.
const DOMAINS_NAMED: usize = 1000;

#[derive(Default)]
pub(super) struct Missing {
    domains: BTreeMap<String, u64>,
    /// Files of further domains.
    others: u64,
}

impl Missing {
    pub fn count(&mut self, domain: &str) {
        if let Some(files) = self.domains.get_mut(domain) {
            *files += 1;
        } else if self.domains.len() < DOMAINS_NAMED {
            self.domains.insert(domain.to_owned(), 1);
        } else {
            self.others += 1;
        }
    }

    /// A problem for each domain, in the order of their names.
    pub fn tell(self, problem: &mut dyn FnMut(SourceError)) {
        for (domain, files) in self.domains {
            problem(summary(device_path(&domain, ""), &domain, files));
        }
        if self.others > 0 {
            problem(summary("/backup".into(), "further domains", self.others));
        }
    }
}

fn summary(path: String, domain: &str, files: u64) -> SourceError {
    let reason = match files {
        1 => format!("1 file of {domain} is listed, but its content is not in the backup"),
        files => format!("{files} files of {domain} are listed, but their content is not in the backup"),
    };
    SourceError::File { path, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(missing: Missing) -> Vec<String> {
        let mut told = Vec::new();
        missing.tell(&mut |error| told.push(error.to_string()));
        told
    }

    #[test]
    fn each_domain_is_told_once() {
        let mut missing = Missing::default();
        for domain in ["MediaDomain", "HomeDomain", "MediaDomain"] {
            missing.count(domain);
        }
        assert_eq!(
            told(missing),
            [
                "cannot read `/private/var/mobile`: 1 file of HomeDomain is listed, but its content is not in the backup",
                "cannot read `/private/var/mobile`: 2 files of MediaDomain are listed, but their content is not in the \
                 backup",
            ]
        );
        assert_eq!(told(Missing::default()), [""; 0]);
    }

    #[test]
    fn a_manifest_of_endless_domains_stays_bounded() {
        let mut missing = Missing::default();
        (0..DOMAINS_NAMED + 7).for_each(|number| missing.count(&format!("AppDomain-{number:05}")));
        let told = told(missing);
        assert_eq!(told.len(), DOMAINS_NAMED + 1);
        assert!(told.last().unwrap().contains("7 files of further domains"));
    }
}
