//! How much memory the process may have, and how much of it DuckDB.
//!
//! A container's memory is limited by its control group and by all groups around it, and what they say can change while the process
//! runs. Where none says anything, the machine's memory is the limit. DuckDB keeps to less than that, because a part of what it
//! takes is outside of its own limit; see docs/adr/0006-memory.md for what was measured.

use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;
/// Memory of the process that is no part of DuckDB's limit: code, stacks, batches on their way.
const OUTSIDE_BYTES: u64 = 180 * MIB;

/// The memory that the process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessLimit {
    /// What its control groups leave it: past this it is killed.
    Group(u64),
    /// What the machine has, which others use, too.
    Machine(u64),
}

impl ProcessLimit {
    /// What holds now.
    pub(crate) fn read() -> Self {
        let text = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        // A machine that tells nothing is taken for a small one.
        let machine = memory_total(&text("/proc/meminfo")).unwrap_or(1024 * MIB);
        let files = limit_files(&text("/proc/self/cgroup"), &text("/proc/self/mountinfo"));
        match smallest(&files) {
            Some(bytes) if bytes < machine => Self::Group(bytes),
            _ => Self::Machine(machine),
        }
    }

    /// In bytes.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Group(bytes) | Self::Machine(bytes) => bytes,
        }
    }

    /// The limit with which DuckDB leaves room for what it takes outside of it, and a tenth of the group's; `None` where nobody
    /// kills the process. No less than a quarter of the group's.
    pub(crate) fn bearable(self, outside_bytes: u64) -> Option<u64> {
        match self {
            Self::Group(bytes) => Some((bytes / 10 * 9).saturating_sub(outside_bytes).max(bytes / 4)),
            Self::Machine(_) => None,
        }
    }

    /// The limit that DuckDB gets. In a control group it is 70 %, at least 180 MiB less than all, which is 65 % at 512 MiB, and no less than
    /// a quarter. Of a machine it is 80 %, as DuckDB itself would choose.
    pub(crate) fn for_duckdb(self) -> u64 {
        match self {
            Self::Group(bytes) => {
                let most = (bytes / 100 * 70).min(bytes.saturating_sub(OUTSIDE_BYTES));
                most.max(bytes / 4)
            }
            Self::Machine(bytes) => bytes / 100 * 80,
        }
    }
}

/// The files that limit a process's memory, by `/proc/self/cgroup` and `/proc/self/mountinfo`: those of its own group and of every group
/// around it that can be seen, in both versions of control groups.
fn limit_files(groups: &str, mounts: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for mount in mounts.lines().filter_map(Mount::read) {
        let own = groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let is_its = if mount.is_v2 {
                controllers.is_empty()
            } else {
                controllers.split(',').any(|controller| controller == "memory")
            };
            is_its.then_some(path)
        });
        let Some(own) = own else { continue };
        // In a container the path may be told from outside of what is mounted there; its group is the mounted one then.
        let inside = Path::new(own).strip_prefix(mount.root).unwrap_or(Path::new(""));
        let name = if mount.is_v2 { "memory.max" } else { "memory.limit_in_bytes" };
        let around = inside.ancestors().map(|path| Path::new(mount.point).join(path).join(name));
        files.extend(around);
    }
    files
}

/// A mounted hierarchy of control groups that may limit memory.
struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    is_v2: bool,
}

impl<'a> Mount<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let mut kind = kind.split(' ');
        let (kind, _, options) = (kind.next()?, kind.next()?, kind.next()?);
        let is_v1 = kind == "cgroup" && options.split(',').any(|option| option == "memory");
        (is_v1 || kind == "cgroup2").then_some(Self { root, point, is_v2: kind == "cgroup2" })
    }
}

/// The smallest number in these files; those that are not there, or say `max`, limit nothing.
fn smallest(files: &[PathBuf]) -> Option<u64> {
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok()).min()
}

/// The machine's memory by `/proc/meminfo`, in bytes.
fn memory_total(meminfo: &str) -> Option<u64> {
    kibibytes(meminfo, "MemTotal:")
}

/// The anonymous memory of the process that is resident, in bytes.
pub(crate) fn anonymous_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    kibibytes(&status, "RssAnon:").unwrap_or(0)
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
    const V1: &str = "35 32 0:30 / /cg/memory rw,relatime - cgroup cgroup rw,memory\n\
                      36 32 0:31 / /cg/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu";

    fn check(groups: &str, mounts: &str, files: &[&str]) {
        assert_eq!(limit_files(groups, mounts), files.iter().map(PathBuf::from).collect::<Vec<_>>(), "{groups}");
    }

    #[test]
    fn a_group_and_those_around_it_are_found() {
        check(
            "0::/a/b",
            V2,
            &["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"],
        );
        check("0::/", V2, &["/sys/fs/cgroup/memory.max"]);
        check(
            "5:cpu:/z\n4:hugetlb,memory:/a",
            V1,
            &["/cg/memory/a/memory.limit_in_bytes", "/cg/memory/memory.limit_in_bytes"],
        );
        // Both at once, as on machines that move from one to the other.
        check(
            "4:memory:/a\n0::/",
            &format!("{V1}\n{V2}"),
            &["/cg/memory/a/memory.limit_in_bytes", "/cg/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"],
        );
        check("", V2, &[]);
        check("0::/a", "no mounts at all", &[]);
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        let mounts = "30 24 0:26 /kubepods/pod1/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw";
        check("0::/kubepods/pod1/c1", mounts, &["/sys/fs/cgroup/memory.max"]);
        // The path of a group outside of what is mounted.
        check("0::/../other", mounts, &["/sys/fs/cgroup/memory.max"]);
    }

    #[test]
    fn the_smallest_limit_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (inner, outer) = (file("inner", "max\n"), file("outer", "536870912\n"));
        let (odd, missing) = (file("odd", "?"), folder.path().join("missing"));
        assert_eq!(smallest(std::slice::from_ref(&inner)), None);
        assert_eq!(smallest(&[inner, outer.clone(), odd, missing]), Some(512 * MIB));
        assert_eq!(smallest(&[outer, file("least", "9")]), Some(9));
    }

    #[test]
    fn duckdb_gets_less_than_the_process() {
        let check = |group: u64, duckdb: u64| {
            assert_eq!(ProcessLimit::Group(group * MIB).for_duckdb() / MIB, duckdb, "{group} MiB");
        };
        check(128, 32);
        check(256, 76);
        check(512, 332);
        check(1024, 716);
        check(2048, 1433);
        check(64 * 1024, 45875);
        assert_eq!(ProcessLimit::Machine(1000).for_duckdb(), 800);
    }

    #[test]
    fn what_is_outside_of_duckdbs_count_lowers_its_limit() {
        let bearable = |outside| ProcessLimit::Group(1000).bearable(outside);
        assert_eq!(bearable(0), Some(900));
        assert_eq!(bearable(300), Some(600));
        assert_eq!(bearable(5000), Some(250));
        assert_eq!(ProcessLimit::Machine(1000).bearable(300), None);
    }

    #[test]
    fn the_process_is_seen() {
        assert!(ProcessLimit::read().bytes() > 100 * MIB);
        assert!(anonymous_bytes() > 0);
        assert_eq!(memory_total("MemTotal:       24683728 kB\nMemFree: 1 kB"), Some(24_683_728 * 1024));
        assert_eq!(memory_total("Mem"), None);
    }
}
