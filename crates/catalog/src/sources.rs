//! The packages that everything is generated from: pinned in `sources.txt`, fetched with the
//! ordinary clients of their registries, and used only if their hash is the pinned one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

/// A package that cannot be fetched, and why.
#[derive(Debug)]
pub struct Unfetched(&'static str, String);

impl std::error::Error for Unfetched {}

impl std::fmt::Display for Unfetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot fetch {}: {}", self.0, self.1)
    }
}

/// A pinned package.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// `pip` or `npm`.
    pub client: &'static str,
    /// Its name in the registry.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-256 of the archive, in hexadecimal.
    pub sha256: &'static str,
    /// Name of the archive.
    pub file: &'static str,
}

/// Every pinned package.
pub fn sources() -> Result<Vec<Source>> {
    let lines =
        include_str!("../sources.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [client, package, version, sha256, file] => Ok(Source { client, package, version, sha256, file }),
            _ => bail!("sources.txt: expected client, package, version, hash and file, found `{line}`"),
        })
        .collect()
}

/// The pinned package of a name.
pub fn source(package: &str) -> Result<Source> {
    let found = sources()?.into_iter().find(|source| source.package == package);
    found.with_context(|| format!("sources.txt has no `{package}`"))
}

impl Source {
    /// The archive, fetched if it is not in `target/catalog` yet. Its hash is checked every time.
    pub fn archive(&self) -> Result<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/catalog");
        fs::create_dir_all(&folder)?;
        let path = folder.join(self.file);
        if !path.exists() {
            self.fetch(&folder).map_err(|reason| Unfetched(self.package, reason.to_string()))?;
        }
        let bytes = fs::read(&path).with_context(|| format!("no {}", path.display()))?;
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(found == self.sha256, "{} has the hash {found}, expected {}", self.file, self.sha256);
        Ok(path)
    }

    /// The clients print progress, which is not part of our output.
    fn fetch(&self, folder: &Path) -> Result<()> {
        eprintln!("catalog: fetching {} {}", self.package, self.version);
        let status = if self.client == "pip" {
            let pins = folder.join(format!("{}.txt", self.package));
            fs::write(&pins, format!("{}=={} --hash=sha256:{}\n", self.package, self.version, self.sha256))?;
            Command::new("python3")
                .args([
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--require-hashes",
                    "--only-binary=:all:",
                    "-r",
                ])
                .arg(&pins)
                .current_dir(folder)
                .stdout(std::io::stderr())
                .status()?
        } else {
            let package = format!("{}@{}", self.package, self.version);
            Command::new("npm")
                .args(["pack", "--silent", &package])
                .current_dir(folder)
                .stdout(std::io::stderr())
                .status()?
        };
        ensure!(status.success(), "{} ended with {status}", self.client);
        Ok(())
    }

    /// The files of the archive with a wanted path, by path. `.gz` files are unpacked, and lose that
    /// suffix.
    pub fn files(&self, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Vec<u8>>> {
        let archive = fs::File::open(self.archive()?)?;
        let mut files = BTreeMap::new();
        if self.client == "pip" {
            let mut zip = zip::ZipArchive::new(archive)?;
            for nth in 0..zip.len() {
                let mut file = zip.by_index(nth)?;
                let path = file.name().to_owned();
                if file.is_file() && wanted(&path) {
                    insert(&mut files, path, &mut file)?;
                }
            }
        } else {
            for file in tar::Archive::new(GzDecoder::new(archive)).entries()? {
                let mut file = file?;
                let path = file.path()?.to_string_lossy().into_owned();
                if file.header().entry_type().is_file() && wanted(&path) {
                    insert(&mut files, path, &mut file)?;
                }
            }
        }
        Ok(files)
    }
}

fn insert(files: &mut BTreeMap<String, Vec<u8>>, path: String, file: &mut impl Read) -> Result<()> {
    let mut bytes = Vec::new();
    match path.strip_suffix(".gz") {
        Some(unpacked) => {
            GzDecoder::new(file).read_to_end(&mut bytes)?;
            files.insert(unpacked.to_owned(), bytes);
        }
        None => {
            file.read_to_end(&mut bytes)?;
            files.insert(path, bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_version_and_a_hash() {
        let sources = sources().expect("well-formed");
        assert_eq!(sources.len(), 4);
        for Source { client, version, sha256, file, .. } in sources {
            assert!(matches!(client, "pip" | "npm"), "{client}");
            assert!(file.contains(version), "{file}");
            assert!(sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit()), "{sha256}");
        }
    }
}
