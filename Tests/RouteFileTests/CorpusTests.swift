import Foundation
import RouteFile
import Testing

@Suite("Route files that were kept")
struct CorpusTests {
  static let corpus: [String] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("GatewayTests/Corpus")
    return ((try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? [])
      .map(\.path).filter { $0.hasSuffix(".yaml") }.sorted()
  }()

  @Test("the corpus is there") func corpusIsThere() { #expect(Self.corpus.count >= 2) }

  @Test("cut anywhere, one is taken or refused with a place in it", arguments: corpus)
  func cut(_ path: String) throws {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    let rules = RouteFile.Rules(checksTokens: true)
    var taken = 0
    for length in 0...bytes.count {
      do throws(RouteFileError) {
        let file = try RouteFile(Array(bytes.prefix(length)), name: "routes.yaml", rules: rules)
        #expect(!file.routes.isEmpty)
        taken += 1
      } catch { #expect("\(error)".hasPrefix("routes.yaml:"), "\(error)") }
    }
    #expect(taken >= 1)
  }
}
