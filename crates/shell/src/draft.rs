//! Writes the files of commands: under a temporary name first, under their own name only when they are whole.
//!
//! A file of another kind is not replaced unless the user asks for it; a replaced file keeps its permissions. A target
//! that is not a plain file, such as a device or a pipe, is written directly.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::ahead::Ahead;
use crate::failure::Failure;
use crate::kind::Kind;

/// The number of bytes written to the system in one call.
const TOGETHER: usize = 1 << 20;

/// Where answers go: to standard output or into a file.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Destination {
    /// Write the answer into this file instead of to standard output: the whole of it or nothing
    #[arg(long, value_name = "FILE", global = true, visible_alias = "out")]
    pub output_file: Option<PathBuf>,
    /// Replace a file of another kind, or one that is read-only
    #[arg(long, global = true)]
    pub force: bool,
}

impl Destination {
    /// Whether a person watches the answer as it is printed.
    pub fn is_watched(&self) -> bool {
        self.output_file.is_none() && std::io::stdout().is_terminal()
    }

    /// Checks, before an answer is computed, that it can be written there. `pictures` are files that are drawn too.
    pub fn check(&self, pictures: &[&Path]) -> Result<(), Failure> {
        if self.force && self.output_file.is_none() && pictures.is_empty() {
            return Err(Failure::wrong("--force", "found without a file to write, expected one with it"));
        }
        if let Some(file) = &self.output_file {
            if pictures.contains(&file.as_path()) {
                let problem = format_args!("found {} twice, expected another file for each output", file.display());
                return Err(Failure::wrong("--output-file", problem));
            }
            let old = self.replaced(file)?;
            if let Some(old) = old.filter(|old| !old.is_answer()) {
                return Err(other_kind(file, &old));
            }
        }
        pictures.iter().try_for_each(|file| {
            let old = self.replaced(file)?;
            old.filter(|old| *old != Kind::picture()).map_or(Ok(()), |old| Err(other_kind(file, &old)))
        })
    }

    /// Writes a whole file.
    pub fn write(&self, file: &Path, text: &str) -> Result<(), Failure> {
        let mut draft = self.draft(file)?;
        draft.add(text)?;
        draft.keep()
    }

    /// Begins a file that is written piece by piece.
    pub fn draft(&self, file: &Path) -> Result<Draft, Failure> {
        let old = self.replaced(file)?;
        let aside = if is_device(file) { None } else { Some(Aside::of(file)?) };
        let path = aside.as_ref().map_or(file, |aside| &aside.temporary);
        let open = OpenOptions::new().write(true).create_new(aside.is_some()).open(path);
        let open = open.map_err(|error| unwritable(file, &error))?;
        let ahead = aside.as_ref().map(|_| Ahead::default());
        Ok(Draft { file: file.to_owned(), old, out: BufWriter::with_capacity(TOGETHER, open), aside, ahead })
    }

    /// The kind of the present file, which would be replaced; none where any kind may be written.
    fn replaced(&self, file: &Path) -> Result<Option<Kind>, Failure> {
        match fs::metadata(file) {
            Ok(there) if there.is_dir() => Err(Failure::wrong(file.display(), "found a folder, expected a file")),
            Ok(there) if !there.is_file() || self.force => Ok(None),
            Ok(there) if there.permissions().readonly() => {
                Err(Failure::wrong(file.display(), "found it read-only, expected one to write; --force replaces it"))
            }
            Ok(_) => Kind::of_file(file).map_err(|error| unwritable(file, &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder(file).is_dir() => Ok(None),
            Err(error) => Err(unwritable(file, &error)),
        }
    }
}

/// A file being written: its name is free or unchanged until `keep`, and an abandoned draft leaves nothing behind.
pub struct Draft {
    file: PathBuf,
    /// The kind of the file that it replaces; none once that was compared with the new kind.
    old: Option<Kind>,
    out: BufWriter<File>,
    aside: Option<Aside>,
    /// None where no sync is needed: a device.
    ahead: Option<Ahead>,
}

impl Draft {
    /// Adds a piece; the first piece decides the kind of the file. Fails when that differs from the kind it would
    /// replace.
    pub fn add(&mut self, text: &str) -> Result<(), Failure> {
        if let Some(old) = &self.old
            && let Some(new) = Kind::of(text.as_bytes())
        {
            if *old != new {
                return Err(other_kind(&self.file, old));
            }
            self.old = None;
        }
        let written = self.out.write_all(text.as_bytes());
        if let Some(ahead) = &mut self.ahead {
            ahead.written(self.out.get_ref(), text.len());
        }
        written.map_err(|error| unwritable(&self.file, &error))
    }

    /// Syncs the file to the disk and gives it its name.
    pub fn keep(mut self) -> Result<(), Failure> {
        let done = self.out.flush().and_then(|()| match self.ahead {
            Some(ahead) => ahead.finish(self.out.get_ref()),
            None => Ok(()),
        });
        done.map_err(|error| unwritable(&self.file, &error))?;
        self.aside.map_or(Ok(()), Aside::replace)
    }
}

/// A temporary name beside a file, for content that is not whole yet. A file with this name is removed unless it takes
/// the place of the other.
#[derive(Debug)]
pub struct Aside {
    temporary: PathBuf,
    file: PathBuf,
}

impl Aside {
    /// A temporary name beside `file`, or beside the target of its link. Fails when a link leads nowhere or `file` has
    /// no name.
    pub fn of(file: &Path) -> Result<Self, Failure> {
        let file = if file.is_symlink() { fs::canonicalize(file) } else { Ok(file.to_owned()) };
        let file = file.map_err(|error| Failure::Broken(format!("a link that leads nowhere: {error}")))?;
        let Some(name) = file.file_name() else {
            return Err(Failure::wrong(file.display(), "found no name of a file, expected one"));
        };
        let temporary = format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id());
        let aside = Self { temporary: folder(&file).join(temporary), file };
        // A file left by an earlier process with the same number is removed.
        aside.discard();
        Ok(aside)
    }

    /// A temporary name beside `file`, which must be missing or empty: nothing is ever replaced.
    pub fn of_new(file: &Path) -> Result<Self, Failure> {
        match fs::metadata(file) {
            Ok(there) if there.is_dir() => Err(Failure::wrong(file.display(), "found a folder, expected no file")),
            Ok(there) if there.len() > 0 || !there.is_file() => {
                let kind = Kind::of_file(file).ok().flatten();
                let kind = kind.map_or_else(|| "something".to_owned(), |kind| kind.to_string());
                Err(Failure::wrong(file.display(), format_args!("found {kind}, expected no file or an empty one")))
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound || !folder(file).is_dir() => {
                Err(unwritable(file, &error))
            }
            Ok(_) | Err(_) => Self::of(file),
        }
    }

    /// The temporary path to write to.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// The file that it becomes.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Takes the place of a file that is missing or empty.
    pub fn publish(self) -> Result<(), Failure> {
        if fs::metadata(&self.file).is_ok_and(|there| there.len() > 0) {
            return Err(Failure::wrong(self.file.display(), "found a file that was not there before, expected none"));
        }
        self.replace()
    }

    /// Takes the place of the file, with the permissions of the old file.
    fn replace(self) -> Result<(), Failure> {
        let place = || -> std::io::Result<()> {
            if let Ok(old) = fs::metadata(&self.file) {
                fs::set_permissions(&self.temporary, old.permissions())?;
            }
            fs::rename(&self.temporary, &self.file)?;
            // The new name is on the disk once its folder is.
            File::open(folder(&self.file))?.sync_all()
        };
        place().map_err(|error| unwritable(&self.file, &error))
    }

    fn discard(&self) {
        // After the rename no file has this name any more.
        let _ = fs::remove_file(&self.temporary);
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.discard();
    }
}

/// Whether the path is something other than a plain file, so that no file can take its place.
fn is_device(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|there| !there.is_file())
}

/// The folder of a file.
fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn other_kind(file: &Path, old: &Kind) -> Failure {
    let problem = format_args!("found {old}, expected none or a file like the one to be written; --force replaces it");
    Failure::wrong(file.display(), problem)
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Broken(format!("{}: {error}, expected a file that can be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty folder for one test.
    fn place(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("upm-draft-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn write(file: &Path, force: bool, text: &str) -> Result<(), Failure> {
        Destination { force, ..Destination::default() }.write(file, text)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn another_kind_is_replaced_only_by_force() {
        let folder = place("kinds");
        let file = folder.join("portfolio.json");
        let old = "{\"format\": \"upm.portfolio/1\"}";
        fs::write(&file, old).unwrap();
        for new in ["<svg/>", "a table\n", "{\"format\": \"upm.market/1\"}", "{\"a\": 1}"] {
            let Err(Failure::Wrong(why)) = write(&file, false, new) else { panic!("{new} was written") };
            assert!(why.contains("portfolio.json: found a upm.portfolio document, expected "), "{why}");
            assert_eq!(fs::read_to_string(&file).unwrap(), old);
        }
        write(&file, false, "{\"format\": \"upm.portfolio/1\", \"accounts\": []}").unwrap();
        write(&file, true, "<svg/>").unwrap();
        write(&file, false, "<svg></svg>").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), names(&folder).len()), ("<svg></svg>", 1));
        for name in ["notes.md", "params.toml", "README"] {
            fs::write(folder.join(name), "words").unwrap();
            assert!(write(&folder.join(name), false, "a table\n").is_err(), "{name}");
        }
        fs::write(folder.join("report.txt"), "words").unwrap();
        write(&folder.join("report.txt"), false, "a table\n").unwrap();
    }

    #[test]
    fn what_is_not_kept_leaves_nothing() {
        let folder = place("dropped");
        let file = folder.join("answer.txt");
        let mut draft = Destination::default().draft(&file).unwrap();
        draft.add("half").unwrap();
        assert!(!file.exists() && names(&folder).len() == 1);
        drop(draft);
        assert!(names(&folder).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = place("unix");
        let (file, link) = (folder.join("answer.txt"), folder.join("link.txt"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write(&link, false, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(matches!(write(&file, false, "newer"), Err(Failure::Wrong(_))));
    }

    #[test]
    fn a_full_disk_is_named_and_no_fault_of_the_input() {
        let Err(Failure::Broken(why)) = write(Path::new("/dev/full"), false, "words") else { panic!("it is full") };
        assert!(why.starts_with("/dev/full: ") && why.ends_with(", expected a file that can be written"), "{why}");
        let Err(Failure::Broken(why)) = write(Path::new("no/such/a.txt"), false, "words") else { panic!("no folder") };
        assert!(why.starts_with("no/such/a.txt: "), "{why}");
        assert!(matches!(write(Path::new("/tmp"), false, "words"), Err(Failure::Wrong(_))));
    }

    #[test]
    fn force_without_a_file_does_nothing_and_is_refused() {
        let forced = Destination { force: true, ..Destination::default() };
        assert!(matches!(forced.check(&[]), Err(Failure::Wrong(_))));
        assert_eq!(forced.check(&[Path::new("new.svg")]), Ok(()));
    }

    #[test]
    fn a_new_file_is_never_written_over() {
        let folder = place("new");
        let file = folder.join("run.journal");
        let aside = Aside::of_new(&file).unwrap();
        fs::write(aside.path(), "whole").unwrap();
        assert!(!file.exists());
        aside.publish().unwrap();
        assert_eq!(
            (names(&folder), fs::read_to_string(&file).unwrap().as_str()),
            (vec!["run.journal".into()], "whole")
        );
        assert!(matches!(Aside::of_new(&file), Err(Failure::Wrong(_))));
    }
}
