//! `cargo xtask vectors`: writes the folder `vectors` again from the files in `../shared`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use testdata::vectors::{SOURCES, folder, packed};

/// Writes every file that `../shared` has, and removes those that it no longer has.
pub fn command() -> ExitCode {
    match keep(&shared(), &folder()) {
        Ok(bytes) => {
            println!("{bytes:>8} bytes in all");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn shared() -> PathBuf {
    crate::tidy::root().join("../shared")
}

/// Compresses the sources into `to`; returns the number of bytes written.
fn keep(shared: &Path, to: &Path) -> Result<usize, String> {
    let failed = |file: &Path, error: std::io::Error| format!("{}: {error}", file.display());
    let found = sources(shared)?;
    for stale in kept(to)?.into_keys().filter(|name| !found.contains_key(name)) {
        let file = to.join(format!("{stale}.gz"));
        std::fs::remove_file(&file).map_err(|error| failed(&file, error))?;
    }
    let mut bytes = 0;
    for (name, source) in found {
        let text = std::fs::read_to_string(&source).map_err(|error| failed(&source, error))?;
        let file = to.join(format!("{name}.gz"));
        let packed = packed(&text).map_err(|error| failed(&file, error))?;
        let parent = file.parent().unwrap_or(to);
        std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        std::fs::write(&file, &packed).map_err(|error| failed(&file, error))?;
        println!("{:>8} bytes  vectors/{name}.gz", packed.len());
        bytes += packed.len();
    }
    Ok(bytes)
}

/// The files of `../shared` that are kept, by their names in the folder of the vectors.
fn sources(shared: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut found = BTreeMap::new();
    for (source, name) in SOURCES {
        let path = shared.join(source);
        if path.is_dir() {
            found.extend(files(&path)?.into_iter().map(|file| (format!("{name}/{file}"), path.join(file.as_str()))));
        } else if path.is_file() {
            found.insert(name.to_owned(), path);
        } else {
            return Err(format!("{}: absent, expected the source of vectors/{name}", path.display()));
        }
    }
    Ok(found)
}

/// The compressed files in the folder, by name without `.gz`.
fn kept(folder: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut found = BTreeMap::new();
    for place in ["", "venues/", "venue_margin/"] {
        let path = folder.join(place);
        let files = if path.is_dir() { files(&path)? } else { Vec::new() };
        let packed = files.iter().filter_map(|file| Some((file, file.strip_suffix(".gz")?)));
        found.extend(packed.map(|(file, name)| (format!("{place}{name}"), path.join(file))));
    }
    Ok(found)
}

/// The names of the files in a folder.
fn files(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testdata::vectors::unpacked;

    /// The committed facts are those that they were taken from, byte for byte.
    #[test]
    fn the_vectors_are_the_same_as_those_from_shared() {
        if testdata::shared(SOURCES[0].0).is_none() {
            return;
        }
        let (sources, kept) = (sources(&shared()).unwrap(), kept(&folder()).unwrap());
        assert!(sources.keys().eq(kept.keys()), "`cargo xtask vectors` writes others: {sources:?}, {kept:?}");
        for (name, file) in kept {
            let same = unpacked(&file).unwrap() == std::fs::read_to_string(&sources[&name]).unwrap();
            assert!(same, "vectors/{name}.gz: not what ../shared has, `cargo xtask vectors` writes it");
        }
    }

    #[test]
    fn the_readme_names_every_file_and_its_venue_and_the_folder_is_small() {
        let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
        let kept = kept(&folder()).unwrap();
        assert!(kept.len() > 10, "{kept:?}");
        let mut bytes = 0;
        for (name, file) in &kept {
            assert!(readme.contains(&format!("`{name}`")), "vectors/README.md says nothing of {name}");
            let document: serde_json::Value = serde_json::from_str(&unpacked(file).unwrap()).unwrap();
            assert!(document.is_object(), "{name}");
            bytes += std::fs::metadata(file).unwrap().len();
        }
        assert!(bytes < 1_500_000, "{bytes} bytes");
    }

    #[test]
    fn the_same_text_gives_the_same_bytes_and_a_stale_file_is_removed() {
        let here = std::env::temp_dir().join(format!("upm-vectors-{}", std::process::id()));
        let (from, to) = (here.join("from"), here.join("to"));
        for (source, _) in SOURCES.iter().skip(1) {
            std::fs::create_dir_all(from.join(source)).unwrap();
        }
        std::fs::write(from.join("vectors/derive.json"), "{}").unwrap();
        std::fs::write(from.join("vectors/venues/okx.json"), "{\"cases\": []}").unwrap();
        let first = keep(&from, &to).unwrap();
        let bytes = std::fs::read(to.join("venues/okx.json.gz")).unwrap();
        assert_eq!(keep(&from, &to).unwrap(), first);
        assert_eq!(std::fs::read(to.join("venues/okx.json.gz")).unwrap(), bytes);
        std::fs::remove_file(from.join("vectors/venues/okx.json")).unwrap();
        keep(&from, &to).unwrap();
        assert_eq!(kept(&to).unwrap().keys().collect::<Vec<_>>(), ["derive.json"]);
        std::fs::remove_dir_all(&here).unwrap();
    }
}
