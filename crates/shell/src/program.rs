//! Ends a run: prints the answer of a program, or its failure under the name of the program.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use crate::draft::Destination;
use crate::failure::Failure;
use crate::printer::{Answer, clean, coloured, plain, rendered, unprinted};

/// A program with the name that begins each of its messages.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    name: &'static str,
}

impl Program {
    /// The program that users start as `name`.
    pub const fn named(name: &'static str) -> Self {
        Self { name }
    }

    /// Prints an answer or writes it into the requested file, or prints the failure. The exit status is 0 for an
    /// answer, 2 for [`Failure::Wrong`], and 1 for [`Failure::Broken`] and for a negative answer, such as a check that
    /// failed.
    pub fn finish(self, answer: Result<Answer, Failure>, to: &Destination) -> ExitCode {
        match answer.and_then(|answer| delivered(answer, to)) {
            Ok(answer) => {
                self.print(&mut std::io::stderr(), &answer.report, std::io::stderr().is_terminal());
                let printed = self.print(&mut std::io::stdout(), &answer.out, std::io::stdout().is_terminal());
                if answer.failed { ExitCode::FAILURE } else { printed }
            }
            Err(Failure::Wrong(why)) => self.fail(2, &why),
            Err(Failure::Broken(why)) => self.fail(1, &why),
        }
    }

    /// Prints the requested help, with exit status 0, or the error in the arguments, with exit status 2.
    pub fn usage(self, error: &clap::Error) -> ExitCode {
        let text = error.render().to_string();
        if error.use_stderr() {
            let text = text.replacen("error: ", &format!("{}: ", self.name), 1);
            self.print(&mut std::io::stderr(), &text, false);
            return ExitCode::from(2);
        }
        self.print(&mut std::io::stdout(), &text, false)
    }

    /// Prints the reason for a failure.
    fn fail(self, status: u8, why: &str) -> ExitCode {
        // If even this cannot be printed, the exit status still shows the failure.
        let _ = std::io::stderr().write_all(self.told(why).as_bytes());
        ExitCode::from(status)
    }

    /// Puts the name of the program before each problem; an indented line belongs to the line before.
    fn told(self, why: &str) -> String {
        let line = |line: &str| {
            let own = if line.starts_with(' ') { String::new() } else { format!("{}: ", self.name) };
            own + &clean(line) + "\n"
        };
        why.lines().map(line).collect()
    }

    /// A reader that closes the pipe early is not an error.
    fn print(self, stream: &mut impl Write, text: &str, terminal: bool) -> ExitCode {
        let text = rendered(text, coloured(terminal));
        match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => self.fail(1, &unprinted(&error).to_string()),
        }
    }
}

/// Writes the output of the answer into the requested file, if any.
fn delivered(mut answer: Answer, to: &Destination) -> Result<Answer, Failure> {
    let Some(file) = &to.output_file else { return Ok(answer) };
    if !answer.streamed {
        to.write(file, &plain(&answer.out))?;
    }
    answer.out.clear();
    answer.report = answer.report + "written           " + &file.display().to_string() + "\n";
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_bears_the_name_of_the_program_and_cannot_move_a_terminal() {
        let told = Program::named("upm-lab").told("a.json: found 1\n  expected 2\nb.json: \x1b[2J");
        assert_eq!(told, "upm-lab: a.json: found 1\n  expected 2\nupm-lab: b.json: \u{fffd}[2J\n");
    }
}
