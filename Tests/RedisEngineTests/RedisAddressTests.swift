import Testing

@testable import RedisEngine

@Suite("The URL of a Redis server")
struct RedisAddressTests {
  @Test("is taken apart, and what it leaves open is filled in")
  func parts() throws {
    let plain = try RedisAddress("redis://cache.example")
    #expect((plain.host, plain.port, plain.database, plain.usesTLS) == ("cache.example", 6379, 0, false))
    #expect(plain.user == nil && plain.password == nil)
    let full = try RedisAddress("rediss://us%40er:p%2Fss%3A%C3%BC@[::1]:7/3?cacert=/ca.pem")
    #expect((full.host, full.port, full.database, full.usesTLS) == ("::1", 7, 3, true))
    #expect((full.user, full.password, full.authorities) == ("us@er", "p/ss:ü", "/ca.pem"))
    let password = try RedisAddress("redis://:pw@h/")
    #expect(password.user == nil && password.password == "pw" && password.database == 0)
  }

  @Test(
    "is refused when it is none, without the password",
    arguments: [
      "", "redis", "http://u:s3cret@h/", "redis://u:s3cret@/", "redis://u:s3cret@h:99999/", "redis://u:s3cret@h:0/",
      "redis://u:s3cret@h/a", "redis://u:s3cret@h/1/2", "redis://u:s3cret@h/-1",
      "redis://u:s3cret@h/99999999999999999999",
      "redis://u:s3cret@h/?cacert=/ca.pem", "rediss://u:s3cret@h/?cacert=", "rediss://u:s3cret@h/?verify=s3cret",
      "redis://u:s3cret#@h/", "redis://u:s3cret%zz@h/", "redis://s3cret@h/",
    ])
  func refused(_ url: String) throws {
    let error = #expect(throws: RedisError.self) { try RedisAddress(url) }
    #expect(error?.code == .invalid)
    #expect(error.map { "\($0)".contains("s3cret") } == false)
  }

  @Test("settings that are none are refused")
  func settings() {
    let changes: [(inout RedisClient.Configuration) -> Void] = [
      { $0.commandTimeout = .zero }, { $0.connectTimeout = .zero }, { $0.maximumCommands = 0 },
      { $0.clientName = "a b" },
      { $0.clientName = "" },
    ]
    for change in changes {
      var configuration = RedisClient.Configuration()
      change(&configuration)
      #expect(throws: RedisError.self) { try RedisClient(url: "redis://h", configuration: configuration) }
    }
  }
}
