public import Foundation

/// Archives as a program reads them that knows nothing of ours: Python's `zipfile`, which checks every sum.
public enum Unzipped {
  private static let script = """
    import json, sys, zipfile
    with zipfile.ZipFile(sys.argv[1]) as archive:
        assert archive.testzip() is None
        print(json.dumps({name: archive.read(name).decode() for name in archive.namelist()}))
    """

  /// Texts by name.
  public static func files(_ archive: Data) async throws -> [String: String] {
    let file = FileManager.default.temporaryDirectory.appending(path: "export-\(UUID().uuidString).zip")
    try archive.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let outcome = try await Program.run(["python3", "-c", script, file.path])
    guard outcome.end == .exited(0) else { throw Program.Failure(description: outcome.errors) }
    return try JSONDecoder().decode([String: String].self, from: Data(outcome.output.utf8))
  }
}
