# SPDX-License-Identifier: Apache-2.0
"""Private networks, real programs and real packet filters for the tests that need them.

Nothing here has a name on the machine: a namespace lives as an open descriptor,
every child dies with the test (PR_SET_PDEATHSIG), and files stay under one
temporary directory. So tests run side by side, and a test killed half way
leaves no namespace, interface, rule or process behind.
"""
