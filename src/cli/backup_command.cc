// SPDX-License-Identifier: Apache-2.0
// canrec backup: the verbs and their options.
#include "cli/backup_command.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace canrec::cli {
namespace {

using Verb = ExitCode (*)(Session&, const BackupOptions&);
using Shared = std::shared_ptr<BackupOptions>;

CLI::App* add_verb(CLI::App& backup, Session& session, const Shared& options,
                   const std::string& name, const std::string& words, Verb verb) {
  CLI::App* command = backup.add_subcommand(name, words);
  command->add_option("--store", options->store, "directory of the chunk store")->required();
  command->add_flag("--json", session.json, "one JSON object a line");
  command->callback([options, &session, verb] {
    session.action = [options, &session, verb] { return verb(session, *options); };
  });
  return command;
}

void add_threads(CLI::App* command, const Shared& options) {
  command
      ->add_option("--threads", options->threads, "threads; as many as processors when not given")
      ->check(CLI::Range(1, 64));
}

void add_create(CLI::App& backup, Session& session, const Shared& options) {
  CLI::App* command = add_verb(
      backup, session, options, "create",
      "Back up a whole snapshot directory; the store is made when missing.", backup_create);
  command->add_option("DIR", options->directory, "snapshot directory")->required();
  add_create_options(*command, *options);
  command->add_option("--time", options->time,
                      "time of the backup, nanoseconds since 1970; the clock when not given");
  command->add_flag("--dry-run", options->dry_run, "read everything, write nothing");
  add_threads(command, options);
  command->footer("EXAMPLE\n  canrec backup create ./snapshot --store /backup/ledger");
}

void add_restore(CLI::App& backup, Session& session, const Shared& options) {
  CLI::App* command =
      add_verb(backup, session, options, "restore",
               "Write a backup as a snapshot directory, every byte checked.", backup_restore);
  command->add_option("ID", options->id, "backup, or the beginning of its id")->required();
  command->add_option("-o,--output", options->output, "directory to write")->required();
  command->add_flag("--salvage", options->salvage,
                    "write what is left of a damaged backup, zeros for the rest, the loss map in "
                    "OUTPUT.loss.json; exit 5 when something is lost");
  command->add_flag("--skip-sha256", options->skip_sha256,
                    "do not compute the SHA-256 of the files; what is written is then proven by "
                    "the XXH3-128 address of every chunk alone, which finds damage but no forgery");
  add_threads(command, options);
  command->footer("EXAMPLE\n  canrec backup restore 3f2a --store /backup/ledger -o ./snapshot");
}

void add_prune(CLI::App& backup, Session& session, const Shared& options) {
  CLI::App* command = add_verb(backup, session, options, "prune",
                               "Remove backups and the chunks that only they use.", backup_prune);
  command->add_option("--keep-last", options->policy.keep_last, "newest backups to keep");
  command->add_option("--keep-daily", options->policy.keep_daily,
                      "days (UTC) of which the newest backup is kept");
  command->add_option("--keep-weekly", options->policy.keep_weekly,
                      "weeks of which the newest backup is kept");
  command->add_flag("--dry-run", options->dry_run, "say what would be removed");
  add_threads(command, options);
  command->footer(
      "EXAMPLE\n  canrec backup prune --store /backup/ledger --keep-last 3 --keep-weekly 8");
}

void add_reading_verbs(CLI::App& backup, Session& session, const Shared& options) {
  add_verb(backup, session, options, "list", "List the backups of a store, oldest first.",
           backup_list)
      ->footer("EXAMPLE\n  canrec backup list --store /backup/ledger");
  CLI::App* show =
      add_verb(backup, session, options, "show", "Show what one backup holds.", backup_show);
  show->add_option("ID", options->id, "backup, or the beginning of its id")->required();
  show->add_flag("--sha256sums", options->sha256sums,
                 "only the files and their SHA-256, as `sha256sum --check` reads them")
      ->excludes(show->get_option("--json"));
  show->footer(
      "EXAMPLE\n  canrec backup show 3f2a --store /backup/ledger\n"
      "  canrec backup show 3f2a --store /backup/ledger --sha256sums | (cd ./snapshot && sha256sum "
      "--check)");
  CLI::App* diff = add_verb(backup, session, options, "diff",
                            "Name the ranges that differ between two backups.", backup_diff);
  diff->add_option("A", options->id, "backup")->required();
  diff->add_option("B", options->other, "backup")->required();
  diff->footer("EXAMPLE\n  canrec backup diff 3f2a 91c0 --store /backup/ledger");
  CLI::App* verify = add_verb(
      backup, session, options, "verify",
      "Check a store; name the backups, files and ranges that damage has cost.", backup_verify);
  verify->add_flag("--deep", options->deep,
                   "also unpack every chunk and compute the SHA-256 of every file");
  add_threads(verify, options);
  CLI::App* reindex = add_verb(
      backup, session, options, "reindex",
      "Verify, and index only what is whole, so that the next create stores the rest again.",
      backup_reindex);
  add_threads(reindex, options);
  reindex->footer("EXAMPLE\n  canrec backup reindex --store /backup/ledger");
  verify->footer("EXAMPLE\n  canrec backup verify --deep --store /backup/ledger");
}

void add_transfer_verbs(CLI::App& backup, Session& session, const Shared& options) {
  CLI::App* out = add_verb(backup, session, options, "export",
                           "Write one backup with all its chunks as a single file.", backup_export);
  out->add_option("ID", options->id, "backup, or the beginning of its id")->required();
  out->add_option("-o,--output", options->output, "file to write")->required();
  out->add_flag("--force", options->force, "replace an existing file");
  add_threads(out, options);
  out->footer("EXAMPLE\n  canrec backup export 3f2a --store /backup/ledger -o ledger.canrec");
  CLI::App* in =
      add_verb(backup, session, options, "import",
               "Take an exported backup into a store; made when missing.", backup_import);
  in->add_option("FILE", options->input, "file that export wrote")->required();
  add_threads(in, options);
  in->footer("EXAMPLE\n  canrec backup import ledger.canrec --store /backup/other");
}

}  // namespace

void add_create_options(CLI::App& command, BackupOptions& options) {
  command.add_option("--level", options.level, "zstd level, 1 (fast) to 19")
      ->check(CLI::Range(1, 19))
      ->capture_default_str();
  command.add_option(
      "--chunk-size", options.chunk_size,
      "bytes, a power of two from 4096 to 1048576, only when the store is made; 16384 when not "
      "given, more for directories above 16 GiB");
  command.add_option("--canister-id", options.canister_id, "kept with the backup");
  command.add_option("--snapshot-id", options.snapshot_id,
                     "kept with the backup; by default from a progress file in DIR");
  command.add_option("--settings", options.settings,
                     "file (JSON) with the canister's settings, kept with the backup");
  command.add_option("--label", options.label, "a word for `list`");
}

void add_backup_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<BackupOptions>();
  CLI::App* backup = app.add_subcommand(
      "backup", "Keep snapshot directories in a chunk store that shares what they have in common.");
  backup->require_subcommand(1);
  backup->footer("EXAMPLE\n  canrec backup create ./snapshot --store /backup/ledger");
  add_create(*backup, session, options);
  add_restore(*backup, session, options);
  add_reading_verbs(*backup, session, options);
  add_prune(*backup, session, options);
  add_transfer_verbs(*backup, session, options);
}

}  // namespace canrec::cli
