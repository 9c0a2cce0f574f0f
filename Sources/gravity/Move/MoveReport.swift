import Foundation
import GravityData
import GravityDiscovery

/// What a move tells at its end.
enum MoveReport {
  static func table(_ proofs: [TableProof]) -> String {
    var table = TextTable(["DATABASE", "TABLE", "ROWS", "SHA-256", "RESULT"])
    for proof in proofs {
      if proof.isEqual {
        table.add([
          proof.database, proof.table, MoveProgress.grouped(proof.source.rows), String(proof.source.hash.prefix(16)),
          "equal",
        ])
      } else {
        table.add([
          proof.database, proof.table, "\(proof.source.rows) / \(proof.target.rows)",
          "\(proof.source.hash.prefix(16)) / \(proof.target.hash.prefix(16))",
          "DIFFERS: \(proof.difference ?? "order")",
        ])
      }
    }
    return table.text
  }

  static func summary(_ proofs: [TableProof]) -> String {
    let rows = MoveProgress.grouped(proofs.reduce(0) { $0 + $1.source.rows })
    let different = proofs.filter { !$0.isEqual }
    if different.isEmpty { return "All \(proofs.count) tables are equal: \(rows) rows." }
    let names = different.map { "\($0.database).\($0.table)" }.joined(separator: ", ")
    return "\(different.count) of \(proofs.count) tables differ: \(names)."
  }

  /// What is no database's content, and what to set.
  static func next(_ sides: MoveSides, _ configuration: PlatformConfiguration, waiting: Int) -> String {
    var lines = ["", "What is in no database has to be carried by hand:"]
    let isGiven = (try? configuration.layers.optional(Settings.masterKey)) != nil
    switch (sides.source.kind, sides.target.kind) {
    case (.folder(let directory), _):
      let path = directory.masterKey.relativePath
      if FileManager.default.fileExists(atPath: path) {
        lines.append("  master key  \(path): without it nobody can read the signing keys and secrets that were moved.")
        lines.append("              For `serve`: GRAVITY_MASTER_KEY=\"$(cat \(path))\", the same for every service")
      } else {
        lines.append("  master key  what GRAVITY_MASTER_KEY is now, the same for every service")
      }
      if FileManager.default.fileExists(atPath: directory.mail.path) {
        lines.append(
          "  mail        \(directory.mail.relativePath), where mail was written for looking at; nothing reads it back")
      }
      lines.append("Then start on the server:")
      let prefix = configuration.postgresPrefix
      let settings = prefix.isEmpty ? "" : " GRAVITY_POSTGRES_PREFIX=\(prefix)"
      lines.append(
        "  GRAVITY_POSTGRES_URL=<what --to named>\(settings) gravity up --data-dir \(directory.url.relativePath)")
    case (_, .folder(let directory)):
      let path = directory.masterKey.relativePath
      if isGiven {
        lines.append("  master key  GRAVITY_MASTER_KEY as it is now, or its value in \(path) (mode 0600)")
      } else if FileManager.default.fileExists(atPath: path) {
        lines.append("  master key  \(path) is there; it has to be the one that was used with the server")
      } else {
        lines.append(
          "  master key  the one that was used with the server, to \(path) (mode 0600) or GRAVITY_MASTER_KEY,")
        lines.append("              BEFORE the first start: `up` would make another, which cannot read what was moved")
      }
      lines.append("Then start on the folder, without GRAVITY_POSTGRES_URL:")
      lines.append("  gravity up --data-dir \(directory.url.relativePath)")
    default: break
    }
    if waiting > 0 {
      lines.append(
        "\(waiting) event\(waiting == 1 ? " waits" : "s wait") in the embedded broker's queues: start without GRAVITY_AMQP_URL "
          + "until they are handled (a minute), and only then with it.")
    }
    lines.append("Leave the source stopped, and keep it until you are sure.")
    return lines.joined(separator: "\n")
  }
}
