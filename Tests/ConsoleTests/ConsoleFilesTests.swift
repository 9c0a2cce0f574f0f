import Console
import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

/// What holds for every file of the console, also for those of pages that are written later.
@Suite struct ConsoleFilesTests {
  @Test("every file of the folder is in the program as it is")
  func embedded() async throws {
    let paths = try ConsoleFixture.paths()
    #expect(paths.contains("index.html") && paths.contains("assets/pages.js"))
    for path in paths {
      let reply = try await ConsoleFixture.send(ConsoleResponderTests.address(path))
      #expect(reply.status == .ok, "\(path) is missing in Embedding/console_files.c")
      #expect(reply.bytes == (try Data(contentsOf: ConsoleFixture.source.appending(path: path))), "\(path)")
    }
  }

  @Test("what a file refers to is there")
  func references() async throws {
    var count = 0
    for path in try ConsoleFixture.paths() {
      let text = try ConsoleFixture.text(path)
      let here = URL(string: "http://console.test" + ConsoleResponderTests.address(path))
      for match in text.matches(
        of: /(?:\sfrom\s+|\bimport\s*\(?\s*)"([^"]+)"|(?:src|href)="([^"]+)"|src: "([^"]+)"|url\(([^)]+)\)/)
      {
        let parts = [match.output.1, match.output.2, match.output.3, match.output.4]
        guard let reference = parts.compactMap({ $0 }).first, reference != "/openapi.json" else { continue }
        let target = try #require(URL(string: String(reference), relativeTo: here)?.path, "\(path): \(reference)")
        #expect(target.hasPrefix("/console/assets/"), "\(path) refers to \(reference)")
        #expect(try await ConsoleFixture.send(target).status == .ok, "\(path) refers to \(reference)")
        count += 1
      }
    }
    // Else the expression above has gone blind.
    #expect(count > 60)
  }

  @Test("nothing is asked of another host")
  func noOtherHost() throws {
    for path in try ConsoleFixture.paths() {
      let text = try ConsoleFixture.text(path).replacing("http://www.w3.org/2000/svg", with: "")
      #expect(!text.contains(/https?:\/\/|["'(]\/\/[a-z]/), "\(path)")
    }
  }

  @Test("nothing is inline that the policy would refuse")
  func nothingInline() throws {
    for path in try ConsoleFixture.paths() {
      let text = try ConsoleFixture.text(path)
      if path.hasSuffix(".html") || path.hasSuffix(".svg") {
        #expect(!text.contains(/<style|\sstyle=|\son[a-z]+\s*=|javascript:/), "\(path)")
        for tag in text.matches(of: /<script([^>]*)>/) { #expect(tag.output.1.contains("src="), "\(path)") }
      }
      if path.hasSuffix(".js") {
        #expect(
          !text.contains(
            /innerHTML|outerHTML|insertAdjacentHTML|ocument\.write|\beval\(|new Function|setAttribute\("style"|DOMParser/
          ),
          "\(path)")
        #expect(!text.contains(/srcdoc|createContextualFragment|parseHTMLUnsafe/), "\(path)")
        // In the document of a frame without scripts, and nowhere else.
        #expect(!text.contains("setHTMLUnsafe") || path == "assets/components/mail-frame.js", "\(path)")
        #expect(!text.contains("allow-scripts"), "\(path)")
      }
    }
  }

  @Test("secrets are kept nowhere but in the tab")
  func storage() throws {
    for path in try ConsoleFixture.paths() where path.hasSuffix(".js") {
      let text = try ConsoleFixture.text(path)
      #expect(!text.contains("document.cookie") && !text.contains("indexedDB"), "\(path)")
      if text.contains("localStorage") { #expect(path.contains("theme"), "\(path)") }
      if text.contains("sessionStorage") {
        #expect(["assets/session.js", "assets/sign-in-elsewhere.js"].contains(path), "\(path)")
      }
    }
  }
}
