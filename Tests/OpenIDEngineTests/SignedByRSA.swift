/// What `openssl` made of a key that nobody has any more.
enum SignedByRSA {
  /// The modulus of 2048 bits; the exponent is 65537.
  static let modulus = """
    tePIDWEQzX-mkmiWFqIV1pqiTVIld-14Il6EzXNiukq74sMUQNyowqQVy-ICvVB20z1SFhiREYUYHnM9DIyNsso0XbmhoY1j2XDW\
    bDmE7GDwpAmNB9OwUY7kfAHDnxVP3kj7H9qTSIDKUDHR4k6nnpTlvSdd6cKccKrIDuRZ27pqyW7uuaIifHF2-3OFj4A1CrQM8T5c\
    7CW4fPoTekUK07p0L-HKi853LhAUd3vCKF6Q9MGb89HTOBGp8FMDwZuDWlJoT8CFfAPoA1gCnsJCJDCzdXO-HZK1DEevv_NBIsur\
    -XAm7WMKPrsdnv0jjRSPKkk-4o_sRLaw4qzqz3KaNQ
    """
  /// Of `https://id.example`, for `api`, until 1900000060, with the key `r`.
  static let token = """
    eyJhbGciOiJSUzI1NiIsImtpZCI6InIiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhc\
    GkiLCJzdWIiOiJhZGEiLCJleHAiOjE5MDAwMDAwNjB9.Ibj7zz95tVGD9gzN4Y0BHVWnIRuk8jH0RD2w4D86PS98CjfKYGHaDpwZ\
    mb6tybRUApoI7rN1TVrgiodFxX6B3b-eiONQ1VA6GN3NLxMqb1uvJZBHTyaLDa0BzwNl0OL9M-8FAt4mQ4Rqgw_ag7fqy6uoxmHP\
    L5PjVdisnLdPqxrU9DMsdhkskx8i-UfFNqwkZWF5l4e1oYUXT0UBlUMqaLnJ-FNPC2uV5XYdQuAdqOcnVJCgbw-6MF_vc-5RtcFv\
    wntHkp9BSuYUfJFWc0zks8h_MyAUFlXc7PXyWd2FfK8olZaE7-ioZRsgyqhiGhEJ02qyMiOSHhFOUGToXAh99Q
    """
}
