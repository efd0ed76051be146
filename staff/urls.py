"""Addresses of the front door, under /admin/; the names are django-allauth's where its own code asks for them."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from staff import views

to_account = RedirectView.as_view(pattern_name="staff_account")
reset_key = r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"
urlpatterns = [
    path("login/", views.StaffLogin.as_view(), name="account_login"),
    path("login/code/", mfa.authenticate, name="mfa_authenticate"),
    path("login/passkey/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("login/inactive/", account.account_inactive, name="account_inactive"),
    path("logout/", views.SignOut.as_view(), name="account_logout"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    path("password/reset/set/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(reset_key, account.password_reset_from_key, name="account_reset_password_from_key"),
    path("invitation/<str:token>/", views.AcceptInvitation.as_view(), name="staff_invitation"),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),  # under oidc/
    path("password_change/", account.password_change, name="account_change_password"),
    path("password/set/", RedirectView.as_view(pattern_name="account_reset_password"), name="account_set_password"),
    path("account/", views.Account.as_view(), name="staff_account"),
    path("account/second-factor/", views.SetUpSecondFactor.as_view(), name="staff_second_factor"),
    path("account/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("account/confirm/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/confirm/passkey/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("account/factors/", to_account, name="mfa_index"),
    path("account/app/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/passkeys/", to_account, name="mfa_list_webauthn"),
    path("account/passkeys/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("account/passkeys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
    path("account/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/codes/download/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("account/sessions/end/", views.EndSession.as_view(), name="staff_end_sessions"),
    path("account/sessions/<int:pk>/end/", views.EndSession.as_view(), name="staff_end_session"),
    *[
        path(f"staff/<int:pk>/{act.replace('_', '-')}/", views.MemberAct.as_view(), {"act": act}, name=f"staff_{act}")
        for act in ("invite", "end_sessions_of", "remove_second_factor")
    ],
]
