Feature: Session timeout
  A session lives as long as it is used, never longer than its absolute lifetime,
  and ends for good.

  Background:
    Given sessions time out after 3600 seconds without use
    And no session lives longer than 7200 seconds

  Scenario: A new session has the right expiry
    When ann logs in
    Then her session expires in 3600 seconds

  Scenario: An expired session fails validation
    Given ann has logged in
    When 3600 seconds pass
    Then her session is refused as expired

  Scenario: Use refreshes the timestamp
    Given ann has logged in
    When 3000 seconds pass
    And she uses her session
    Then her session was last used just now
    And her session expires in 3600 seconds

  Scenario: Use does not pass the absolute lifetime
    Given ann has logged in
    When 3500 seconds pass
    And she uses her session
    And 3500 seconds pass
    And she uses her session
    And 200 seconds pass
    Then her session is refused as expired

  Scenario Outline: The timeout follows the configuration
    Given sessions time out after <timeout> seconds without use
    And ann has logged in
    When <idle> seconds pass
    Then her session <outcome>

    Examples:
      | timeout | idle | outcome               |
      | 60      | 59   | is good               |
      | 60      | 60   | is refused as expired |
      | 900     | 899  | is good               |
      | 900     | 900  | is refused as expired |

  Scenario: Cleanup removes only what has expired
    Given ann has logged in
    When 2000 seconds pass
    And bob logs in
    And 2000 seconds pass
    Then a cleanup removes 1 session
    And a cleanup removes 0 sessions
