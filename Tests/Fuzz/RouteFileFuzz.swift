import Gateway
import RouteFile

/// A route file is taken whole or refused with a place in it, and what is taken means the same when it is read again.
final class RouteFileFuzz {
  let corpus: [[UInt8]]
  private(set) var taken = 0

  init(corpus: [[UInt8]]) { self.corpus = corpus }

  func `try`(_ random: inout Seeded) -> (input: [UInt8], fault: String?) {
    let input = mutate(corpus.randomElement(using: &random)!, corpus, &random)
    do {
      let file = try read(input)
      taken += 1
      let changes = try file.changes(to: read(input))
      guard changes.added.isEmpty, changes.removed.isEmpty, changes.changed.isEmpty else {
        return (input, "the same file means something else when it is read again")
      }
      guard !file.routes.isEmpty, file.routes.allSatisfy({ file.instances[$0.service]?.isEmpty == false }) else {
        return (input, "a route without a service was taken")
      }
      return (input, nil)
    } catch {
      let said = "\(error)"
      return (input, said.hasPrefix("fuzz.yaml:") ? nil : "a refusal without a place: \(said)")
    }
  }

  private func read(_ bytes: [UInt8]) throws(RouteFileError) -> RouteFile {
    try RouteFile(bytes, name: "fuzz.yaml", rules: RouteFile.Rules(checksTokens: true))
  }
}
