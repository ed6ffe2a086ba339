//! The command line. Exit status 0: done; 1: refused or failed; 2: wrong usage.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use gatepost_names::DomainName;

use crate::access_command::{self, Access};
use crate::output::Output;
use crate::{Address, Addresses, Outside, UpOptions, demo, log, operator, up, verify};

/// A communications platform of your own that speaks Azure's protocols.
#[derive(Debug, Parser)]
#[command(name = "gatepost", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on loopback with an embedded database: for a first look, development and CI.
    Up(Box<Up>),
    /// SMTP usernames.
    #[command(subcommand)]
    Smtp(Smtp),
    /// Messages that were accepted.
    #[command(subcommand)]
    Queue(Queue),
    /// Access control: why, who, by which role, and what if.
    #[command(subcommand)]
    Access(Access),
    /// Check the store and the spool of a data folder that no server is using.
    Verify {
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Args)]
struct Data {
    /// The data folder.
    #[arg(long = "data", value_name = "DIR", default_value = "./gatepost-data")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
struct Up {
    #[command(flatten)]
    data: Data,
    /// Make what the quickstart says, through the public interfaces; send a message; print how to send another.
    #[arg(long)]
    demo: bool,
    /// Accept messages but deliver none until the next start without this.
    #[arg(long)]
    hold_delivery: bool,
    /// Have a further tenant with this verified domain: its own directory, subscription, administrator and
    /// automation principal, apart from all others. Made at the first start that names it; bootstrap.json lists it
    /// under `tenants`. May be repeated.
    #[arg(long = "tenant", value_name = "DOMAIN")]
    tenants: Vec<DomainName>,
    #[command(flatten)]
    addresses: Addresses,
    /// Give tokens of managed identities to every program on this machine, without a credential, over plain HTTP
    /// at this loopback address. For development.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = up::loopback)]
    managed_identity: Option<Address>,
    #[command(flatten)]
    outside: Outside,
}

#[derive(Debug, Args)]
struct Asking {
    #[command(flatten)]
    data: Data,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Smtp {
    /// Show each requirement for "Ready to use", what fails, and why sign-ins were refused lately.
    Explain {
        /// What the client signs in with, in any of its three forms.
        username: String,
        #[command(flatten)]
        asking: Asking,
    },
}

#[derive(Debug, Subcommand)]
enum Queue {
    /// List messages, newest first.
    List {
        /// Only those with a recipient in this state, for instance queued, held, delivered or failed.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        asking: Asking,
    },
    /// Show a message's envelope, its recipients and its whole way.
    Show(One),
    /// Try the waiting recipients of a message now.
    Retry(One),
    /// Keep a message from being delivered.
    Hold(One),
    /// Let a held message go on.
    Release(One),
    /// Give up a message: nothing more of it is delivered.
    Drop(One),
}

#[derive(Debug, Args)]
struct One {
    /// The message id, as in the reply at the end of data.
    id: String,
    #[command(flatten)]
    asking: Asking,
}

/// Runs the command that the arguments name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let failed = error.use_stderr();
            drop(error.print());
            return ExitCode::from(if failed { 2 } else { 0 });
        }
    };
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("gatepost: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<(), String> {
    match command {
        Command::Up(arguments) => {
            log::start("gatepost=info,warn");
            let options = UpOptions {
                data: arguments.data.folder,
                addresses: arguments.addresses,
                hold_delivery: arguments.hold_delivery,
                managed_identity: arguments.managed_identity,
                outside: arguments.outside,
                tenants: arguments.tenants,
            };
            let demo = arguments.demo.then_some(demo::run as up::AfterReady);
            up::run(&options, demo).map_err(|e| e.to_string())
        }
        Command::Smtp(Smtp::Explain { username, asking }) => {
            log::start("warn");
            operator::explain_smtp(&asking.data.folder, &username, asking.output)
        }
        Command::Queue(queue) => {
            log::start("warn");
            queue_command(queue)
        }
        Command::Access(command) => {
            log::start("warn");
            access_command::run(command)
        }
        Command::Verify { data } => {
            log::start("warn");
            verify::run(&data.folder)
        }
    }
}

fn queue_command(queue: Queue) -> Result<(), String> {
    let (one, action) = match queue {
        Queue::List { state, asking } => {
            return operator::list_queue(&asking.data.folder, state.as_deref(), asking.output);
        }
        Queue::Show(one) => {
            return operator::show_message(&one.asking.data.folder, &one.id, one.asking.output);
        }
        Queue::Retry(one) => (one, "retry"),
        Queue::Hold(one) => (one, "hold"),
        Queue::Release(one) => (one, "release"),
        Queue::Drop(one) => (one, "drop"),
    };
    operator::act_on_message(&one.asking.data.folder, &one.id, action, one.asking.output)
}
