// SPDX-License-Identifier: Apache-2.0
// A canister whose heap bench/run-backup backs up: accounts in a hash table, as people write them, with
// principals, big and small numbers, text that repeats, hashes that do not, optional fields and lists.
import Prim "mo:⛔";

persistent actor Registry {
  type Transfer = { to : Nat; amount : Nat; at : Nat64; memo : ?Text };
  type Log = ?(Transfer, Log);
  type Account = { owner : Principal; name : Text; var balance : Nat; key : Blob; var log : Log };
  type Bucket = ?(Account, Bucket);

  let words = ["principal", "balance", "transfer", "ledger", "canister", "cycles", "owner", "monthly fee", "to savings", "refund", "rent", "minted"];
  var buckets : [var Bucket] = Prim.Array_init<Bucket>(65_536, null);
  var accounts : Nat32 = 0;
  var state : Nat32 = 2_463_534_242;

  func random() : Nat32 {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    state;
  };

  // Small numbers stay Nat32: those take no place on the heap, and what a division of Nat leaves behind would
  // soon be most of the image.
  func below(n : Nat32) : Nat32 = random() % n;

  func number(n : Nat32) : Nat = Prim.nat32ToNat(below(n));

  func bytes(n : Nat) : Blob {
    Prim.arrayToBlob(Prim.Array_tabulate<Nat8>(n, func _ = Prim.natToNat8(number(256))));
  };

  func word() : Text = words[number(12)];

  func log() : Log {
    var out : Log = null;
    var n = below(12);
    while (n > 0) {
      let memo = if (below(3) == 0) ?(word() # " " # word()) else null;
      let at = 1_750_000_000_000_000_000 + Prim.natToNat64(number(4_000_000_000));
      out := ?({ to = number(accounts + 1); amount = number(5_000_000); at; memo }, out);
      n -= 1;
    };
    out;
  };

  /// Adds accounts; `seed` makes the content of one canister differ from another's.
  public func fill(seed : Nat32, count : Nat32) : async Nat32 {
    state := state ^ (seed *% 2_654_435_761);
    var n = count;
    while (n > 0) {
      let account : Account = {
        owner = Prim.principalOfBlob(bytes(29));
        name = word() # " of " # word() # " " # debug_show (below(1_000_000));
        var balance = number(1_000_000_000) * 1_000_000_000_000;
        key = bytes(32);
        var log = log();
      };
      let slot = number(65_536);
      buckets[slot] := ?(account, buckets[slot]);
      accounts += 1;
      n -= 1;
    };
    accounts;
  };
};
