import GravityContracts
import Testing

@Suite struct PlainTextTests {
  struct Note: FieldBounded {
    static let bounds: [String: FieldBounds] = ["text": .plainText(4, lines: true)]
  }

  private func checked(_ text: String) -> (kept: String?, codes: [String]) {
    var errors: [Problem.FieldError] = []
    let kept = PlainText("text", of: Note.self).checked(text, &errors)
    return (kept, errors.map(\.code))
  }

  @Test("a text is held to what its type declares, its length in code points as JSON Schema counts them")
  func bounds() {
    #expect(checked("ab\r\n") == ("ab", []))
    #expect(checked("a\nb") == ("a\nb", []))
    #expect(checked("ÄÖÜß") == ("ÄÖÜß", []))
    // One character, and five code points.
    #expect(checked("👩‍👩‍👧").codes == ["too_long"])
    #expect(checked("e\u{301}e\u{301}") == ("éé", []))
    #expect(checked("a    ").codes == ["too_long"])
    #expect(checked(" \n ").codes == ["required"])
    #expect(checked("a\tb").codes == ["format"])
    #expect(checked("a\u{202E}b").codes == ["format"])
  }
}
