"""Pictures that our own code makes: bent and photographed digits, other hands, what is no digit, whole scenes."""
