//! `aws-tags settings`: the settings of the tag-handler, and what is wrong with those that are set.

use std::io::{self, Write};

use aws_tags::Settings;
use aws_tags::settings::{SETTINGS, Setting};
use clap::Args;
use serde_json::json;

use crate::console::{End, bad_input};

#[derive(Args)]
pub(crate) struct Options {
    /// One JSON object per setting.
    #[arg(long)]
    json: bool,
}

/// Lists the settings with their values, and reports which are wrong.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    for Setting { name, default, allowed, effect } in SETTINGS {
        if options.json {
            let line = json!({"name": name, "default": default, "allowed": allowed, "effect": effect});
            writeln!(out, "{line}")?;
        } else {
            let value = std::env::var(name);
            let value = value.as_deref().unwrap_or(default);
            writeln!(out, "{name}={value}\n    {effect}\n    Allowed: {allowed}.")?;
        }
    }
    match Settings::read(|name| std::env::var_os(name)) {
        Ok(_) => Ok(End::Done),
        Err(wrong) => Ok(bad_input(&wrong.to_string())),
    }
}
