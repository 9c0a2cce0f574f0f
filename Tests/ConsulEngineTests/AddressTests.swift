import ConsulEngine
import Testing

@Suite("Where Consul is")
struct AddressTests {
  @Test(
    "an address is read as Consul's own tools write it",
    arguments: [
      ("127.0.0.1:8500", false, "http://127.0.0.1:8500"), ("consul", false, "http://consul:8500"),
      ("consul:8501", true, "https://consul:8501"), ("https://consul.local:8501", false, "https://consul.local:8501"),
      ("http://consul:80/", true, "http://consul:80"), ("[::1]:8500", false, "http://[::1]:8500"),
    ])
  func reading(_ text: String, _ isSecure: Bool, _ address: String) throws {
    #expect(try ConsulAddress(text, isSecure: isSecure).description == address)
  }

  @Test(
    "a mistake is told with what was expected",
    arguments: [
      "", "unix:///run/consul.sock", "http://consul:0", "consul:99999", "http://consul:8500/v1", "http://a b",
    ])
  func mistakes(_ text: String) {
    let error = #expect(throws: ConsulAddress.Malformed.self) { try ConsulAddress(text) }
    #expect(error?.description.contains("HOST:PORT") == true)
  }

  @Test("a token is in no text that is made of it")
  func secret() throws {
    let address = try ConsulAddress("consul:8500", token: "c0ffee-secret")
    var dumped = ""
    dump(address, to: &dumped)
    #expect(address.token != nil)
    for text in ["\(address)", String(reflecting: address), dumped, "\(String(describing: address.token))"] {
      #expect(!text.contains("c0ffee"), "\(text)")
    }
    #expect(try ConsulAddress("consul:8500", token: "").token == nil, "an empty one is none")
  }
}
